"""A world as a picture: agents with their names, landmarks, the goal in green, the arena's edge."""

from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.mpe.world import World

Points = list[list[float]]

EDGE, INK, PAPER = (205, 205, 205), (40, 40, 40), (255, 255, 255)
LANDMARK, GOAL = (90, 90, 90), (60, 160, 60)
HALF_WIDTH = 1.35


def draw(world: World, positions: Points, landmarks: Points, goal: int) -> Canvas:
    """Draw one row.

    Args:
        world: Its bodies.
        positions: x and y of its M agents, in metres.
        landmarks: x and y of its L landmarks.
        goal: Which of them is the goal, in a task that has one.

    Returns:
        The canvas; it shows ± 1.35 m, or as much as it takes to show every agent.
    """
    far = max(abs(number) for point in positions + landmarks for number in point) + 0.25
    half = max(HALF_WIDTH, far)
    canvas = Canvas((-half, -half), (half, half), background=PAPER)
    canvas.line([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], EDGE)
    for agent, (x, y) in zip(world.agents, positions, strict=True):
        red, green, blue = (round(255 * part) for part in agent.colour)
        canvas.disc((x, y), agent.radius, (red, green, blue))
    for index, (x, y) in enumerate(landmarks):  # last, so that one that is covered is seen
        canvas.disc((x, y), world.landmark_radius, GOAL if world.has_goal and index == goal else LANDMARK)
    for agent, (x, y) in zip(world.agents, positions, strict=True):
        canvas.text((x, y + agent.radius + 0.05), agent.name, INK, height_px=11)
    return canvas
