"use strict";
{
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const COLOUR = /^(series-\d|ink|muted|line|accent|card|paper)(?:\/([\d.]+))?$/;
  const MOST_ROWS = 500, SAVED_WIDTH = 860;

  const rgba = (name, opacity) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${opacity ?? 1})`;
  };
  // Colours are names of this page's variables; everything else is passed on as it is.
  const coloured = (value, key = "") => {
    if (Array.isArray(value)) return value.map((each) => coloured(each, key));
    if (value !== null && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, coloured(each, name)]));
    const found = typeof value === "string" && /color$/.test(key) ? COLOUR.exec(value) : null;
    return found ? rgba(found[1], found[2]) : value;
  };
  // Plotly cuts what is too long for it; lines are broken at blanks, and after commas and equals signs.
  const wrapped = (text, most) => (text ?? "").split(/(?<=[ ,=])/).reduce((lines, word) => {
    const last = lines.length - 1;
    if (last >= 0 && (lines[last] + word).trimEnd().length <= most) lines[last] += word;
    else lines.push(word);
    return lines;
  }, []).map((line) => line.trimEnd());
  const axis = (given = {}, most = 60) => ({
    automargin: true, gridcolor: "line", zerolinecolor: "muted", linecolor: "line", tickcolor: "line", ...given,
    title: { standoff: 12, font: { size: 14 }, ...given.title, text: wrapped(given.title?.text, most).join("<br>") },
  });
  // Names of rows may be longer than a phone is wide.
  const rowsOf = (traces, most) => {
    const names = [...new Set(traces.flatMap((trace) => trace.y ?? []))];
    if (!names.some((name) => typeof name === "string")) return { ticks: {}, more: 0 };
    const lines = names.map((name) => wrapped(String(name), most));
    const more = 15 * names.length * (Math.max(...lines.map((each) => each.length)) - 1);
    return { ticks: { tickmode: "array", tickvals: names, ticktext: lines.map((each) => each.join("<br>")) }, more };
  };
  // A legend of more than two lines would take its room from the picture; all its columns are as wide as the widest.
  const roomFor = (traces, width) => {
    const names = traces.filter((trace) => trace.showlegend !== false).map((trace) => trace.name.length);
    const columns = Math.max(1, Math.floor((width - 130) / (48 + 7 * Math.max(...names))));
    return 19 * Math.max(0, Math.ceil(names.length / columns) - 2);
  };
  const layoutOf = ({ traces, layout: given }, width) => {
    const small = width < 560;
    const named = traces.filter((trace) => trace.showlegend !== false).length > 1;
    const legend = given.showlegend ?? named;
    const rows = small ? rowsOf(traces, 18) : { ticks: {}, more: 0 };
    const more = rows.more + (legend ? roomFor(traces, width) : given.showlegend === undefined ? -48 : 0);
    return coloured({
      margin: { l: 56, r: 16, t: given.title ? 48 : 16, b: legend ? 104 : 56 }, hovermode: "closest",
      font: { family: "system-ui, 'DejaVu Sans', sans-serif", size: small ? 12 : 13, color: "ink" },
      paper_bgcolor: "card", plot_bgcolor: "card",
      hoverlabel: { bgcolor: "card", bordercolor: "muted", font: { color: "ink" } },
      ...given, width, height: (given.height ?? 440) + more, showlegend: legend,
      legend: { orientation: "h", yref: "container", y: 0.01, yanchor: "bottom", x: 0, ...given.legend },
      xaxis: axis(given.xaxis, small ? (rows.ticks.tickvals ? 14 : 20) : 60), yaxis: axis({ ...given.yaxis, ...rows.ticks }),
    });
  };
  const CONFIG = { displayModeBar: false };

  const inLight = (make) => {
    const root = document.documentElement, theme = root.dataset.theme;
    root.dataset.theme = "light";
    try { return make(); } finally { root.dataset.theme = theme; }
  };
  const save = (blob, name) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  const wire = (figure) => {
    const place = document.getElementById(figure.id);
    const plot = place.querySelector(".plot"), nothing = place.querySelector(".nothing");
    const selects = [...place.querySelectorAll("select")];
    let width = 0, waiting;
    const view = () => figure.views[JSON.stringify(selects.map((select) => select.value))];
    const draw = () => {
      if (!window.Plotly) return Promise.resolve(); // it will be asked again when it is there
      const found = view();
      plot.hidden = !found;
      nothing.hidden = Boolean(found);
      width = plot.parentElement.clientWidth;
      if (found) return Plotly.react(plot, coloured(found.traces), layoutOf(found, width), CONFIG);
      return Promise.resolve();
    };
    selects.forEach((select) => select.addEventListener("change", draw));
    document.addEventListener("themechange", draw);
    // Drawn anew when the width is another; that a phone hides its address bar is no reason.
    new ResizeObserver(() => {
      clearTimeout(waiting);
      if (width && plot.parentElement.clientWidth !== width) waiting = setTimeout(draw, 100);
    }).observe(plot.parentElement);
    place.querySelector("[data-save=csv]").addEventListener("click", () =>
      save(new Blob([figure.csv], { type: "text/csv" }), `${figure.id}.csv`));
    place.querySelector("[data-save=svg]").addEventListener("click", async () => {
      const found = view();
      if (!found || !window.Plotly) return;
      // For publication: always light, whatever the page is.
      const drawn = inLight(() => ({ data: coloured(found.traces), layout: layoutOf(found, SAVED_WIDTH) }));
      const url = await Plotly.toImage(drawn, { format: "svg", width: SAVED_WIDTH, height: drawn.layout.height });
      const text = decodeURIComponent(url.slice(url.indexOf(",") + 1));
      save(new Blob([text], { type: "image/svg+xml" }), `${figure.id}.svg`);
    });
    place.querySelector("details.numbers").addEventListener("toggle", (event) => {
      const shown = event.target.querySelector(".scroll");
      if (event.target.open && !shown.childElementCount) shown.append(tableOf(figure.csv));
    });
    return draw;
  };

  // Labels may hold commas, which CSV then quotes.
  const cellsOf = (text) => [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, bare]) => (quoted === undefined ? bare : quoted.replaceAll('""', '"')));
  const tableOf = (csv) => {
    const [head, ...rows] = csv.trimEnd().split("\n").map(cellsOf);
    const table = document.createElement("table");
    if (rows.length > MOST_ROWS)
      table.createCaption().textContent = `The first ${MOST_ROWS} of ${rows.length} rows; all are in the CSV file.`;
    const top = table.createTHead().insertRow();
    for (const name of head) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      top.append(cell);
    }
    const body = table.createTBody();
    for (const values of rows.slice(0, MOST_ROWS)) {
      const row = body.insertRow();
      for (const value of values) {
        const number = value !== "" && !Number.isNaN(Number(value));
        const cell = row.insertCell();
        cell.textContent = number && value.length > 8 ? String(Number(Number(value).toPrecision(6))) : value;
        if (number) cell.className = "number";
      }
    }
    return table;
  };

  // One after the other, so that the page can be read and scrolled meanwhile.
  const draws = figures.map(wire);
  const next = async (number) => {
    if (number === draws.length) return;
    await draws[number]();
    document.documentElement.dataset.drawn = String(number + 1);
    setTimeout(() => next(number + 1), 0);
  };

  // Plotly is packed in the page, a third of its size; a browser unpacks it in a few hundredths of a second.
  const unpack = async () => {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (each) => each.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    document.head.append(Object.assign(document.createElement("script"), { textContent: await new Response(stream).text() }));
  };
  unpack().then(() => next(0));
}
