"use strict";
const steps = [...document.querySelectorAll("[data-step]")];
const slider = document.getElementById("step");
const speed = document.getElementById("speed");
const play = document.getElementById("play");
const now = document.getElementById("now");
const cursors = document.querySelectorAll(".cursor");
const last = Number(slider.max);
let timer = null;

function show(step) {
  const chosen = Math.max(0, Math.min(last, step));
  slider.value = chosen;
  for (const each of steps) each.toggleAttribute("hidden", Number(each.dataset.step) !== chosen);
  const label = document.querySelector(`.frames [data-step="${chosen}"]`).getAttribute("aria-label");
  slider.setAttribute("aria-valuetext", label);
  now.textContent = label;
  for (const each of cursors) each.setAttribute("x", chosen);
}

function stop() {
  clearTimeout(timer);
  timer = null;
  play.textContent = "Play";
  now.setAttribute("aria-live", "polite");
}

function tick() {
  show(Number(slider.value) + 1);
  if (Number(slider.value) >= last) stop();
  else timer = setTimeout(tick, 1000 / Number(speed.value));
}

function toggle() {
  if (timer !== null) return stop();
  now.setAttribute("aria-live", "off"); // a voice would not keep up
  if (Number(slider.value) >= last) show(0);
  play.textContent = "Pause";
  timer = setTimeout(tick, 1000 / Number(speed.value));
}

function go(step) {
  stop();
  show(step);
}

play.addEventListener("click", toggle);
slider.addEventListener("input", () => go(Number(slider.value)));
document.getElementById("previous").addEventListener("click", () => go(Number(slider.value) - 1));
document.getElementById("next").addEventListener("click", () => go(Number(slider.value) + 1));
document.addEventListener("keydown", (event) => {
  const held = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  const own = event.target.closest ? event.target.closest("select, input") : null; // these have keys of their own
  if (held || (own && !(own === slider && event.key === " "))) return;
  const keys = { ArrowLeft: () => go(Number(slider.value) - 1), ArrowRight: () => go(Number(slider.value) + 1) };
  if (!event.target.closest || !event.target.closest("button")) keys[" "] = toggle;
  if (!(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
if (matchMedia("(prefers-reduced-motion: reduce)").matches) speed.value = "0.5";
show(Number(location.hash.slice(1)) || 0); // page.html#12 begins at step 12
