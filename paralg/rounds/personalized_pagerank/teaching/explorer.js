/* Pipelines on a conveyor: how many walks are alive in each round, under a cap of memory. */

const WIDTH = 640;
const LEFT = 62;
const RIGHT = 628;
const HUES = ["blue", "vermilion", "green", "purple", "orange", "sky"];
const CHART = { top: 18, bottom: 218 };
const BELT = { top: 302, bottom: 382, ages: 24 };
const LONGEST = 400; // rounds simulated at most
const EULER = 0.5772156649;

/* ---- the law of the live load, as in schedules.py and batch.py ---- */

/* Moves of the longest of so many walks, on average. */
function longest(walks, alpha) {
  return Math.max(1, (Math.log(walks) + EULER) / -Math.log1p(-alpha) + 0.5);
}

/* Expected live walks of each pipeline in each round: [{pipeline, age, live}, …] for every round. */
function simulate({ n, omega, alpha, gamma, cap, rule }) {
  const births = { pipelines: () => n * gamma, once: () => n * omega, refill: (live) => cap - live };
  const rounds = [];
  let waiting = n * omega;
  let belt = [];
  let last = 0;
  while (rounds.length < LONGEST) {
    belt = belt.map((bar) => ({ ...bar, age: bar.age + 1, live: bar.live * (1 - alpha) }));
    const born = Math.min(waiting, births[rule](sum(belt)));
    if (born > 0.01) {
      belt.push({ pipeline: rounds.length + 1, age: 0, live: born });
      waiting -= born;
      last = rounds.length;
    }
    rounds.push(belt);
    if (waiting < 0.01 && sum(belt) < 0.5) break;
  }
  const loads = rounds.map(sum);
  return { rounds, loads, started: last + 1, peak: Math.max(...loads),
    total: last + longest(loads[last], alpha) };
}

const sum = (belt) => belt.reduce((total, bar) => total + bar.live, 0);

/* ---- drawing ---- */

const hue = (pipeline) => HUES[(pipeline - 1) % HUES.length];

const box = (x, y, width, height, name, attrs) =>
  kit.svg("rect", { x, y, width, height, class: `pe-fill-${name}`, ...attrs });

const label = (x, y, text, attrs) => kit.svg("text", { x, y, text, ...attrs });

/* One column a round, one segment a pipeline; later rounds than `now` are pale. */
function chart(run, now, cap, onPick) {
  const rounds = Math.max(20, run.rounds.length);
  const x = kit.linear([0, rounds], [LEFT, RIGHT]);
  const y = kit.linear([0, 1.12 * Math.max(cap, run.peak)], [CHART.bottom, CHART.top]);
  const group = kit.svg("g");
  run.rounds.forEach((belt, r) => {
    const column = kit.svg("g", { "data-round": r + 1, opacity: r <= now ? 1 : 0.3, onclick: () => onPick(r) });
    let floor = CHART.bottom;
    for (const bar of belt) {
      const height = CHART.bottom - y(bar.live);
      if (height < 0.15) continue;
      floor -= height;
      column.append(box(x(r) + 0.4, floor, Math.max(1, x(1) - x(0) - 0.8), height, hue(bar.pipeline)));
    }
    group.append(column);
  });
  group.append(kit.svg("line", { x1: LEFT, x2: RIGHT, y1: y(cap), y2: y(cap), class: "pe-line-grey",
    "stroke-width": 2, "stroke-dasharray": "6 4" }));
  group.append(label(RIGHT, y(cap) - 6, `cap M = ${kit.number(cap)}`, { "text-anchor": "end" }));
  kit.axis(group, { side: "left", at: LEFT, from: CHART.bottom, to: CHART.top, scale: y,
    values: kit.ticks(0, 1.1 * Math.max(cap, run.peak), 4), label: "live walks" });
  kit.axis(group, { side: "bottom", at: CHART.bottom, from: LEFT, to: RIGHT,
    scale: (r) => x(r - 0.5), values: kit.ticks(1, rounds, 8).filter((r) => r >= 1), label: "round" });
  return group;
}

/* The belt in one round: a pipeline enters at the left, moves right each round, and shrinks. */
function conveyor(run, now) {
  const belt = run.rounds[now];
  const x = kit.linear([0, BELT.ages], [LEFT, RIGHT]);
  const step = x(1) - x(0);
  const tallest = Math.max(...run.rounds.map((bars) => Math.max(0, ...bars.map((bar) => bar.live))));
  const y = kit.linear([0, tallest], [0, BELT.bottom - BELT.top]);
  const group = kit.svg("g");
  for (const bar of belt.filter((entry) => entry.age < BELT.ages)) {
    const height = Math.max(1, y(bar.live));
    group.append(box(x(bar.age) + 2, BELT.bottom - height, step - 4, height, hue(bar.pipeline),
      { "data-pipeline": bar.pipeline }));
    if (bar.age < 12) {
      const name = { "text-anchor": "middle", class: "pe-small" };
      group.append(label(x(bar.age) + step / 2, BELT.bottom - height - 5, String(bar.pipeline), name));
    }
  }
  kit.axis(group, { side: "bottom", at: BELT.bottom, from: LEFT, to: RIGHT,
    scale: (age) => x(age + 0.5), values: kit.ticks(0, BELT.ages - 1, 8), label: "moves since the start" });
  return group;
}

export default {
  render({ model, el }) {
    const { n, omega } = model.get("size");
    const start = model.get("start");
    let run = null;

    const picture = kit.picture({ width: WIDTH, height: 422, label: "" });
    const numbers = kit.numbers(["Starts in rounds", "Peak of live walks", "Cap in use", "Rounds", "Best γ under the cap"]);
    const status = kit.status();
    const alpha = kit.slider({ label: "Stopping probability α", min: 0.05, max: 0.6, step: 0.05, value: start.alpha,
      onInput: restart });
    const gamma = kit.slider({ label: "Batch γ", min: 1, max: omega, value: start.gamma, onInput: restart });
    const cap = kit.slider({ label: "Memory cap M", min: 200, max: n * omega, step: 50, value: start.cap, onInput: restart });
    const rule = kit.choice({ label: "Who starts", value: start.rule, onChange: restart, options: [
      { value: "pipelines", label: "a pipeline each round" },
      { value: "refill", label: "as many as stopped" },
      { value: "once", label: "all at once" },
    ] });
    const round = kit.slider({ label: "Round", min: 1, max: LONGEST, value: start.round, onInput: draw });
    const play = kit.play({ onTick: () => round.step(1), interval: 450 });

    function restart() {
      const [a, g, m] = [alpha.value, gamma.value, cap.value];
      run = simulate({ n, omega, alpha: a, gamma: g, cap: m, rule: rule.value });
      round.input.max = run.rounds.length;
      round.set(Math.min(round.value, run.rounds.length), { quiet: true });
      draw();
    }

    function draw() {
      const now = round.value - 1;
      round.input.style.setProperty("--pe-share", now / Math.max(1, run.rounds.length - 1));
      const best = Math.min(omega, Math.floor((alpha.value * cap.value) / n + 1e-9));
      const used = run.loads.slice(0, run.started).map((load) => Math.min(1, load / cap.value));
      kit.clear(picture).append(chart(run, now, cap.value, (r) => round.set(r + 1)), conveyor(run, now),
        label(LEFT, BELT.top - 26, `Pipelines alive in round ${now + 1}`));
      numbers.set({
        "Starts in rounds": run.started === 1 ? "1" : `1 to ${run.started}`,
        "Peak of live walks": kit.number(Math.round(run.peak)),
        "Cap in use": kit.percent(used.reduce((a, b) => a + b, 0) / used.length, 2),
        "Rounds": kit.number(Math.round(run.total)),
        "Best γ under the cap": best < 1 ? "none" : kit.number(best),
      });
      status.say(sentence(now));
      picture.describe(`Stacked columns of live walks over ${run.rounds.length} rounds with a line at the cap, and a belt `
        + `with the pipelines alive in round ${now + 1}. ${sentence(now)}`);
    }

    function sentence(now) {
      const over = run.peak > cap.value + 0.5;
      const here = `Round ${now + 1}: ${kit.plural(Math.round(run.loads[now]), "live walk")} of `
        + `${kit.plural(run.rounds[now].filter((bar) => bar.live >= 0.5).length, "pipeline")}.`;
      const fit = over ? `Over the cap: the peak is ${kit.number(Math.round(run.peak))}.` : "The cap is kept.";
      return `${here} ${fit} About ${kit.number(Math.round(run.total))} rounds in all.`;
    }

    el.append(kit.controls(alpha, gamma, cap, rule), picture, kit.controls(round, play), numbers.el, status.el);
    restart();
  },
};
