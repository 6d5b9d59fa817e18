/* Compiled weights at work: the same eight arrays as in the library, applied in the browser.
 *
 * Logits are proportional to beta, so layers come at beta 1 and are scaled here.
 */

const SIZE = { width: 560, height: 300 };
const SLOPE = 0.2;

const dot = (row, z) => row.reduce((sum, w, c) => sum + w * z[c], 0);

/* One layer: new columns of all nodes, and attention, a row for each receiver. */
function apply(layer, z, edges, mask, beta) {
  const alpha = z.map((_, i) => {
    const logits = z.map((sender, j) => {
      if (!mask[i][j]) return -Infinity;
      return beta * layer.sender.reduce((sum, row, k) => {
        const u = dot(row, sender) + dot(layer.edge[k], edges[i][j]);
        return sum + layer.logit[k] * (u > 0 ? u : SLOPE * u);
      }, 0);
    });
    const top = Math.max(...logits);
    const raw = logits.map((one) => Math.exp(one - top));
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((one) => one / total);
  });
  const columns = z.map((own, i) => layer.bias.map((bias, h) => {
    let sum = bias + dot(layer.own[h], own);
    z.forEach((sender, j) => {
      if (alpha[i][j]) sum += alpha[i][j] * (dot(layer.message[h], sender) + dot(layer.message_edge[h], edges[i][j]));
    });
    return Math.max(0, sum);
  }));
  return { columns, alpha };
}

/* States and attention of all rounds. */
function run(algorithm, beta) {
  const states = [algorithm.start];
  const looks = [];
  for (let t = 0; t < algorithm.rounds; t += 1) {
    let z = states[t];
    const seen = [];
    const from = t === 0 ? algorithm.first : 0;
    for (let k = from; k < algorithm.layers.length; k += 1) {
      const done = apply(algorithm.layers[k], z, algorithm.edges, algorithm.masks[k], beta);
      z = done.columns;
      seen.push(done.alpha);
    }
    states.push(z);
    looks.push(seen[0]);
  }
  return { states, looks };
}

export default {
  render({ model, el }) {
    const algorithms = model.get("algorithms");
    const betas = model.get("betas");
    const places = model.get("places");
    const links = model.get("links");
    const names = Object.keys(algorithms);
    const picture = kit.picture({ width: SIZE.width, height: SIZE.height, label: "" });
    const numbers = kit.numbers(["Round", "Active nodes", "Largest error of a pointer"]);
    const status = kit.status();
    const choice = kit.choice({ label: "Algorithm", options: names, value: names[0], onChange: load });
    const round = kit.slider({ label: "Round", min: 0, max: algorithms[names[0]].rounds, value: 2, onInput: draw });
    const heat = kit.slider({ label: "log₁₀ of beta", min: -2, max: 10, step: 0.5, value: 4, onInput: again, format: (x) => kit.number(x, 2) });
    let exact = null;
    let found = null;

    function load() {
      const name = choice.value;
      const best = Math.round(2 * Math.log10(betas[name])) / 2;
      heat.set(best, { quiet: true });
      const last = algorithms[name].rounds;
      const bar = round.el.querySelector("input") || round.el;
      bar.max = last;
      if (round.value > last) round.set(last, { quiet: true });
      exact = run(algorithms[name], betas[name]);
      again();
    }

    function again() {
      found = run(algorithms[choice.value], 10 ** heat.value);
      draw();
    }

    const read = (name, z) => {
      const row = algorithms[choice.value].rows[name];
      return row ? z.map((columns) => dot(row, columns)) : null;
    };

    const pointers = (z) => {
      const offsets = read("offset", z);
      return offsets ? offsets.map((one, i) => i + one) : read("pi", z);
    };

    function moved(t) {
      if (t === 0) return [];
      const token = read("a", exact.states[t]);
      if (token) return token.map((one, i) => (one > 0.5 ? i : -1)).filter((i) => i >= 0);
      return places.map((_, i) => i).filter((i) => ["r", "offset", "d"].some((name) => {
        const after = read(name, exact.states[t]);
        return Math.abs(after[i] - read(name, exact.states[t - 1])[i]) > 1e-9;
      }));
    }

    function draw() {
      const t = Math.min(round.value, algorithms[choice.value].rounds);
      const z = found.states[t];
      const reached = read("r", z) || read("w", z).map((white) => 1 - white);
      const active = moved(t);
      const group = kit.svg("g");
      for (const [i, j, weight] of links) {
        const [x1, y1] = places[i];
        const [x2, y2] = places[j];
        group.append(kit.svg("line", { x1, y1, x2, y2, style: { stroke: kit.colors.grey, strokeWidth: 1 } }));
        group.append(kit.svg("text", { x: (x1 + x2) / 2 + 7, y: (y1 + y2) / 2 - 5, "text-anchor": "middle", text: String(weight), style: { fill: kit.colors.text.grey } }));
      }
      if (t > 0) found.looks[t - 1].forEach((row, i) => row.forEach((a, j) => { if (i !== j && a > 0.04) group.append(arrow(i, j, a)); }));
      places.forEach(([cx, cy], i) => {
        group.append(kit.svg("circle", { cx, cy, r: 15, style: { fill: reached[i] > 0.5 ? kit.colors.sky : "var(--pst-color-surface, #eee)", stroke: active.includes(i) ? kit.colors.vermilion : kit.colors.grey, strokeWidth: active.includes(i) ? 4 : 1 } }));
        group.append(kit.svg("text", { x: cx, y: cy + 5, "text-anchor": "middle", text: String(i), style: { fontWeight: "bold", fill: reached[i] > 0.5 ? "#000" : "currentColor" } }));
      });
      kit.clear(picture).append(group);
      const right = pointers(exact.states[t]);
      const error = Math.max(...pointers(z).map((one, i) => Math.abs(one - right[i])));
      const shown = error < 1e-9 ? "0" : kit.number(error, 2);
      numbers.set({ "Round": t, "Active nodes": active.length, "Largest error of a pointer": shown });
      const who = active.length ? `active: ${active.join(", ")}` : "nothing changes";
      status.say(`${choice.value}, round ${t} of ${algorithms[choice.value].rounds}: ${who}; pointers ${pointers(z).map((one) => kit.number(one, 2)).join(" ")}.`);
      picture.describe(`Graph of eight nodes after round ${t} of ${choice.value}, ${who}.`);
    }

    /* From receiver i towards the node j that it attends to. */
    function arrow(i, j, a) {
      const [x1, y1] = places[i];
      const [x2, y2] = places[j];
      const far = Math.hypot(x2 - x1, y2 - y1);
      const [dx, dy] = [(x2 - x1) / far, (y2 - y1) / far];
      const [px, py] = [x2 - 18 * dx, y2 - 18 * dy];
      const [sx, sy] = [x1 + 17 * dx - 4 * dy, y1 + 17 * dy + 4 * dx];
      const d = `M${sx} ${sy}L${px - 4 * dy} ${py + 4 * dx}M${px - 9 * dx - 9 * dy} ${py - 9 * dy + 9 * dx}L${px - 4 * dy} ${py + 4 * dx}L${px - 9 * dx + 1 * dy} ${py - 9 * dy - 1 * dx}`;
      return kit.svg("path", { d, style: { fill: "none", stroke: kit.colors.vermilion, strokeWidth: 0.5 + 3 * a, opacity: 0.35 + 0.65 * a } });
    }

    el.append(kit.controls(choice), kit.controls(round, heat), picture, numbers.el, status.el);
    load();
  },
};
