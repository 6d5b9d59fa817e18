/* A ring of nodes with identifiers: how many rounds each waits, under a rule of your choice.
 *
 * The rules are those of the library, written again for the browser; message rounds throughout.
 */

const SIZE = { width: 560, height: 400, x: 200, y: 200, ring: 134 };
const HISTOGRAM = { left: 432, right: 548, top: 60, bottom: 320 };

const larger = (ids, v, d) => {
  const n = ids.length;
  return Math.max(ids[(v + d) % n], ids[(v - d + n) % n]) > ids[v];
};

/* Radii by rounds: `decide(v, outputs)` sees what was there before the round. */
function rounds(ids, decide) {
  const radii = ids.map(() => 0);
  let outputs = ids.map(() => null);
  for (let t = 1; radii.includes(0); t += 1) {
    const next = outputs.slice();
    radii.forEach((r, v) => {
      if (r) return;
      const around = [(v + 1) % ids.length, (v - 1 + ids.length) % ids.length];
      const out = decide(around.filter((u) => ids[u] > ids[v]).map((u) => outputs[u]));
      if (out !== null) { next[v] = out; radii[v] = t; }
    });
    outputs = next;
  }
  return radii;
}

function coleVishkin(ids) {
  let colours = ids.slice();
  let palette = 32;
  let steps = 0;
  while (palette > 6) {
    colours = colours.map((own, v) => {
      const differ = own ^ colours[(v + 1) % colours.length];
      const i = 31 - Math.clz32(differ & -differ);
      return 2 * i + ((own >> i) & 1);
    });
    palette = 2 * Math.ceil(Math.log2(palette));
    steps += 1;
  }
  return colours.map((c) => steps + Math.max(0, c - 2));
}

const free = (taken) => [0, 1, 2].find((c) => !taken.includes(c));

const RULES = {
  "largest identifier": (ids) => ids.map((_, v) => {
    let t = 1;
    while (t < Math.floor(ids.length / 2) && !larger(ids, v, t)) t += 1;
    return t;
  }),
  "colour by order": (ids) => rounds(ids, (near) => (near.includes(null) ? null : free(near))),
  "set by order": (ids) => rounds(ids, (near) => (near.includes(1) ? 0 : near.includes(null) ? null : 1)),
  "Cole–Vishkin": coleVishkin,
  "two colours": (ids) => ids.map(() => Math.floor(ids.length / 2)),
};

export default {
  render({ model, el }) {
    const orders = model.get("orders");
    const worst = model.get("worst");
    let ids = orders.random.slice();
    const n = ids.length;
    let pressed = null;

    const picture = kit.picture({ width: SIZE.width, height: SIZE.height, label: "" });
    const numbers = kit.numbers(["Largest", "Mean", "Sum", "Worst sum"]);
    const status = kit.status();
    const rule = kit.choice({ label: "Rule", options: model.get("rules"), onChange: draw });
    const order = kit.choice({ label: "Identifiers", options: [...model.get("names"), "own"], onChange: load });
    const node = kit.stepper({ label: "Node", min: 0, max: n - 1, value: ids.indexOf(n - 1), onChange: choose });
    const own = kit.slider({ label: "Its identifier", min: 0, max: n - 1, value: n - 1, onInput: give });

    function load(name) {
      if (name === "own") return;
      ids = orders[name].slice();
      node.set(ids.indexOf(n - 1), { quiet: true });
      choose();
    }

    function choose() {
      own.set(ids[node.value], { quiet: true });
      draw();
    }

    function give(id) { swap(node.value, ids.indexOf(id)); }

    function swap(a, b) {
      [ids[a], ids[b]] = [ids[b], ids[a]];
      order.set("own", { quiet: true });
      choose();
    }

    const at = (v, radius) => {
      const angle = (2 * Math.PI * v) / n - Math.PI / 2;
      return [SIZE.x + radius * Math.cos(angle), SIZE.y + radius * Math.sin(angle)];
    };

    /* The node under a pointer, or -1. */
    function under(event) {
      const box = picture.getBoundingClientRect();
      const zoom = SIZE.width / box.width;
      const x = (event.clientX - box.left) * zoom - SIZE.x;
      const y = (event.clientY - box.top) * zoom - SIZE.y;
      const far = Math.hypot(x, y);
      if (far < SIZE.ring - 40 || far > SIZE.ring + 70) return -1;
      return Math.round(((Math.atan2(y, x) + Math.PI / 2) / (2 * Math.PI)) * n + n) % n;
    }
    picture.style.touchAction = "pan-y";
    picture.addEventListener("pointerdown", (event) => {
      pressed = under(event);
      if (pressed >= 0) { event.preventDefault(); node.set(pressed); }
    });
    picture.addEventListener("pointerup", (event) => {
      const target = under(event);
      if (pressed >= 0 && target >= 0 && target !== pressed) { const from = pressed; node.set(target, { quiet: true }); swap(from, target); }
      pressed = null;
    });

    function draw() {
      const radii = RULES[rule.value](ids);
      const most = Math.max(...radii);
      const total = radii.reduce((a, b) => a + b, 0);
      const known = rule.value === "largest identifier";
      const chosen = node.value;
      const r = radii[chosen];
      kit.clear(picture).append(ball(chosen, r), ring(radii, most, chosen), histogram(radii, most));
      numbers.set({ "Largest": most, "Mean": kit.number(total / n), "Sum": total, "Worst sum": known ? worst : "–" });
      const others = radii.filter((one) => one < r).length;
      status.say(`Node ${chosen} with identifier ${ids[chosen]} waits ${kit.plural(r, "round")}; ${others} of ${n} nodes stop sooner.`);
      picture.describe(`Ring of ${n} nodes with a bar for each radius, and a histogram. Largest ${most}, mean ${kit.number(total / n)}.`);
    }

    /* What the chosen node has seen when it stops. */
    function ball(v, r) {
      const wide = Math.min(r, n / 2 - 0.01);
      const [x1, y1] = at(v - wide, SIZE.ring - 22);
      const [x2, y2] = at(v + wide, SIZE.ring - 22);
      const d = `M${x1} ${y1}A${SIZE.ring - 22} ${SIZE.ring - 22} 0 ${wide > n / 4 ? 1 : 0} 1 ${x2} ${y2}`;
      return kit.svg("path", { d, style: { fill: "none", stroke: kit.colors.sky, strokeWidth: 9, strokeLinecap: "round" } });
    }

    function ring(radii, most, chosen) {
      const group = kit.svg("g");
      radii.forEach((r, v) => {
        const [x1, y1] = at(v, SIZE.ring + 14);
        const [x2, y2] = at(v, SIZE.ring + 14 + (44 * r) / Math.max(most, 16));
        group.append(kit.svg("line", { x1, y1, x2, y2, "data-node": v, style: { stroke: v === chosen ? kit.colors.blue : kit.colors.vermilion, strokeWidth: 7 } }));
        const [x, y] = at(v, SIZE.ring);
        group.append(kit.svg("text", { x, y: y + 4, "text-anchor": "middle", text: String(ids[v]),
          style: { fontWeight: v === chosen ? "bold" : "normal", cursor: "grab", userSelect: "none" } }));
      });
      return group;
    }

    function histogram(radii, most) {
      const group = kit.svg("g");
      const top = Math.max(most, 16);
      const y = kit.linear([0.5, top + 0.5], [HISTOGRAM.top, HISTOGRAM.bottom]);
      const x = kit.linear([0, n], [HISTOGRAM.left, HISTOGRAM.right]);
      for (let r = 1; r <= top; r += 1) {
        const count = radii.filter((one) => one === r).length;
        if (count) group.append(kit.svg("rect", { x: HISTOGRAM.left, y: y(r - 0.4), width: x(count) - HISTOGRAM.left, height: 0.8 * (y(1) - y(0)), class: "pe-fill-vermilion" }));
      }
      kit.axis(group, { side: "left", at: HISTOGRAM.left, from: HISTOGRAM.top, to: HISTOGRAM.bottom, scale: y,
        values: top > 16 ? [1, 8, 16, 24, 32] : [1, 4, 8, 12, 16], label: "radius" });
      kit.axis(group, { at: HISTOGRAM.bottom, from: HISTOGRAM.left, to: HISTOGRAM.right, scale: x, values: [0, 16, 32], label: "nodes" });
      return group;
    }

    el.append(kit.controls(rule), kit.controls(order, node, own), picture, numbers.el, status.el);
    draw();
  },
};
