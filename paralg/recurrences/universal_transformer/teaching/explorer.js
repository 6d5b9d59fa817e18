/* Twelve nodes, seven steps: halting masses of trained networks under a bias that can be moved.
 * The released rule freezes nobody, so states do not depend on who has halted: logits and states of
 * all steps are embedded, and mass, N, remainder, output and answer are computed here. */

const WIDTH = 660;
const TOP = 34;
const ROW = 29;
const LEFT = 150;
const CELL = 54;
const RIGHT = 548;

const line = (x1, y1, x2, y2, attrs) => kit.svg("line", { x1, y1, x2, y2, ...attrs });
const words = (x, y, text, attrs = {}) => kit.svg("text", { x, y, text, ...attrs });
const middle = (node) => TOP + (node + 0.5) * ROW;

/* ---- the halting rule, as in paralg.recurrences.universal_transformer.theory.halt ---- */

function halt(p, epsilon) {
  const masses = [];
  const weights = [];
  let mass = 0;
  for (const q of p) {
    if (mass + q > 1 - epsilon) {
      weights.push(1 - mass);
      return { steps: weights.length, remainder: 1 - mass, weights, masses: [...masses, 1], halted: true };
    }
    mass += q;
    weights.push(q);
    masses.push(mass);
  }
  return { steps: p.length, remainder: 0, weights, masses, halted: false };
}

/* The running blend, the last norm, the readout: is the margin above 0? */
function says(network, node, weights) {
  const width = network.readout.length;
  let y = new Array(width).fill(0);
  weights.forEach((w, t) => { y = y.map((old, c) => w * network.states[t][node][c] + (1 - w) * old); });
  const mean = y.reduce((a, b) => a + b, 0) / width;
  const variance = y.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
  const scale = 1 / Math.sqrt(variance + 1e-5);
  return y.reduce((sum, v, c) => sum + (v - mean) * scale * network.readout[c], network.offset) > 0;
}

function solve(network, shift, epsilon, nodes) {
  return Array.from({ length: nodes }, (_, node) => {
    const p = network.logits.map((row) => 1 / (1 + Math.exp(-(row[node] + shift))));
    const found = halt(p, epsilon);
    return { ...found, yes: says(network, node, found.weights) };
  });
}

export default {
  render({ model, el }) {
    const distance = model.get("distance");
    const edges = model.get("edges");
    const epsilon = model.get("epsilon");
    const networks = new Map(model.get("networks").map((one) => [one.label, one]));
    const nodes = distance.length;
    const steps = [...networks.values()][0].logits.length;
    const hops = (node) => (distance[node] < 0 ? "–" : String(distance[node]));

    const picture = kit.picture({ width: WIDTH, height: TOP + nodes * ROW + 44, label: "" });
    const layer = kit.svg("g", {});
    const numbers = kit.numbers(["Running", "Work Σ N", "Dense work", "Span max N", "Right answers"]);
    const status = kit.status();
    const labels = [...networks.keys()];
    const network = kit.choice({ label: "Ponder weight in training", value: labels[1], options: labels, onChange: draw });
    const shift = kit.slider({ label: "Add to the halting bias", min: -6, max: 6, step: 0.25, value: 0,
      onInput: draw, format: (x) => (x > 0 ? `+${x.toFixed(2)}` : x.toFixed(2).replace("-", "−")) });
    const shown = kit.stepper({ label: "Steps done", min: 0, max: steps, value: steps, onChange: draw,
      format: (t) => `${t} of ${steps}` });
    const play = kit.play({ label: "Play steps", onTick: () => {
      if (shown.value >= steps) shown.set(0); else shown.step(1);
      return shown.value < steps;
    } });

    drawFrame();
    picture.append(layer);
    picture.addEventListener("pointerdown", (event) => {
      const box = picture.getBoundingClientRect();
      const x = ((event.clientX - box.left) * WIDTH) / box.width;
      const t = Math.floor((x - LEFT) / CELL) + 1;
      if (t >= 1 && t <= steps) shown.set(t);
    });

    function drawFrame() {
      const small = { "text-anchor": "middle" };
      for (const [a, b] of edges) {
        const [y1, y2] = [middle(a), middle(b)];
        const bend = 88 - Math.min(70, 9 * Math.abs(b - a));
        picture.append(kit.svg("path", { d: `M 96 ${y1} C ${bend} ${y1}, ${bend} ${y2}, 96 ${y2}`, fill: "none",
          stroke: kit.colors.grey, "stroke-width": 1.5 }));
      }
      for (let node = 0; node < nodes; node += 1) {
        picture.append(kit.svg("circle", { cx: 98, cy: middle(node), r: 5,
          class: distance[node] === 0 ? "pe-fill-vermilion" : "pe-fill-blue" }));
        picture.append(words(128, middle(node) + 5, hops(node), small));
      }
      picture.append(words(118, 20, "hops", small));
      for (let t = 1; t <= steps; t += 1) {
        picture.append(words(LEFT + (t - 0.5) * CELL, TOP + nodes * ROW + 18, String(t), small));
      }
      picture.append(words(LEFT + (steps * CELL) / 2, TOP + nodes * ROW + 38, "step", small));
      picture.append(words(RIGHT + 12, 20, "N", small));
      picture.append(words(RIGHT + 72, 20, "reached?", small));
    }

    function drawRow(found, node, until) {
      const y = TOP + node * ROW + 3;
      for (let t = 1; t <= steps; t += 1) {
        const x = LEFT + (t - 1) * CELL + 2;
        const active = t <= found.steps && t <= until;
        layer.append(kit.svg("rect", { x, y, width: CELL - 4, height: ROW - 6, rx: 3, fill: "none",
          stroke: active ? kit.colors.blue : kit.colors.grey, "stroke-width": active ? 1.3 : 0.4 }));
        if (!active) continue;
        const mass = found.masses[t - 1];
        layer.append(kit.svg("rect", { x, y: y + (1 - mass) * (ROW - 6), width: CELL - 4, height: mass * (ROW - 6),
          rx: 3, class: "pe-fill-blue", "fill-opacity": 0.75 }));
        if (found.halted && t === found.steps) {
          layer.append(kit.svg("circle", { cx: x + CELL / 2 - 2, cy: y + ROW / 2 - 3, r: 8, fill: kit.colors.backgroundColor,
            stroke: kit.colors.vermilion, "stroke-width": 3 }));
        }
      }
    }

    function drawAnswer(found, node, until) {
      const done = until >= found.steps;
      const right = found.yes === (distance[node] >= 0);
      const y = middle(node) + 5;
      layer.append(words(RIGHT + 12, y, done ? String(found.steps) : "…", { "text-anchor": "middle" }));
      layer.append(words(RIGHT + 72, y, done ? `${found.yes ? "yes" : "no"} ${right ? "✓" : "✗"}` : "",
        { "text-anchor": "middle", fill: right ? kit.colors.textColor : kit.colors.text.vermilion }));
    }

    function draw() {
      const chosen = networks.get(network.value);
      const found = solve(chosen, shift.value, epsilon, nodes);
      const until = shown.value;
      kit.clear(layer);
      found.forEach((one, node) => { drawRow(one, node, until); drawAnswer(one, node, until); });
      report(found, until);
    }

    function report(found, until) {
      const taken = found.map((one) => Math.min(one.steps, until));
      const work = taken.reduce((a, b) => a + b, 0);
      const span = Math.max(...taken);
      const running = found.filter((one) => !(one.halted && one.steps <= until)).length;
      const answered = found.filter((one) => one.steps <= until);
      const right = found.filter((one, node) => one.steps <= until && one.yes === (distance[node] >= 0)).length;
      numbers.set({ "Running": `${running} of ${nodes}`, "Work Σ N": work, "Dense work": nodes * span,
        "Span max N": span, "Right answers": `${right} of ${answered.length}` });
      const saved = span ? 1 - work / (nodes * span) : 0;
      const text = `After ${kit.plural(until, "step")} ${running} of ${nodes} nodes still run; work ${work} ` +
        `instead of ${nodes * span}, ${kit.percent(saved, 2)} saved; ${right} of ${answered.length} answers right.`;
      status.say(text);
      picture.describe(`Halting masses of twelve nodes over ${steps} steps. ${text}`);
    }

    draw();
    el.append(kit.controls(network), kit.controls(shift, shown, play), picture, numbers.el, status.el);
  },
};
