/* One input of a linear classifier or of naive Bayes on p cores: who works, who waits. */

const WIDTH = 600;
const LEFT = 44;
const ROW = 24;
const FILL = { multiply: "vermilion", add: "blue", compare: "green" };

/* Shares of n items in chunks of ceil(n / p), as the library cuts them. */
const chunks = (n, p) => {
  const size = Math.ceil(n / p);
  return Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size));
};

/* Phases: name, and cycles of each core that takes part. */
function phases({ loop, cut, c, d, p, price }) {
  const found = [];
  const step = price[loop];
  if (cut === "rows") found.push(["multiply", chunks(c, p).map((n) => n * d * step)]);
  else {
    const shares = chunks(d, p);
    found.push(["multiply", shares.map((n) => n * c * step)]);
    let parts = shares.length;
    const how = cut.replace("columns, ", "");
    if (parts > 1 && how === "core 0") found.push(["add", [(parts - 1) * c * price.sum]]);
    else if (parts > 1 && how === "dealt") found.push(["add", chunks(c, p).map((n) => n * (parts - 1) * price.sum)]);
    else while (parts > 1) {
      const pairs = Math.ceil(parts / 2);
      found.push(["add", Array.from({ length: pairs }, (_, i) => (2 * i + 1 < parts ? c * price.sum : 0))]);
      parts = pairs;
    }
  }
  found.push(["compare", [(c > 1 ? c - 1 : 1) * price.largest]]);
  return found;
}

function run(given) {
  const list = phases(given);
  const used = Math.max(...list.map(([, times]) => times.length));
  let now = used > 1 ? given.fork : 0;
  let busy = 0;
  const bars = [];
  for (const [name, times] of list) {
    times.forEach((time, core) => { if (time) bars.push({ name, core, start: now, end: now + time }); busy += time; });
    now += Math.max(...times) + (times.length > 1 ? given.barrier : 0);
  }
  return { bars, time: now, busy };
}

/* The least number of features from which columns, dealt, are never behind rows in steps. */
function breakEven(c, p) {
  for (let d = 512; d >= 1; d -= 1) {
    const shares = chunks(d, p);
    const columns = c * shares[0] + (shares.length - 1) * Math.ceil(c / p);
    if (columns > Math.ceil(c / p) * d) return d === 512 ? "none" : d + 1;
  }
  return 1;
}

export default {
  render({ model, el }) {
    const backends = model.get("backends");
    const fork = model.get("fork");
    const picture = kit.picture({ width: WIDTH, height: 400, label: "" });
    const numbers = kit.numbers(["Cycles, 1 core", "Cycles, p cores", "Speed-up", "Idle", "Columns from d ="]);
    const status = kit.status();
    const kernel = kit.choice({ label: "Kernel", value: "dot", onChange: draw,
      options: [{ value: "dot", label: "linear" }, { value: "gauss", label: "naive Bayes" }] });
    const cut = kit.choice({ label: "Cut", options: model.get("cuts"), value: "columns, dealt", onChange: draw });
    const arithmetic = kit.choice({ label: "Arithmetic", options: Object.keys(backends), value: "native", onChange: draw });
    const cores = kit.slider({ label: "Cores p", min: 1, max: 16, value: 8, onInput: draw });
    const classes = kit.slider({ label: "Classes c", min: 1, max: 32, value: 10, onInput: draw });
    const features = kit.slider({ label: "Features d", min: 1, max: 256, value: 64, onInput: draw });
    const barrier = kit.slider({ label: "Barrier, cycles", min: 0, max: 400, step: 5, value: 25, onInput: draw });

    function draw() {
      const given = { loop: kernel.value, cut: cut.value, c: classes.value, d: features.value, price: backends[arithmetic.value],
        barrier: barrier.value, fork };
      const p = cores.value;
      const one = run({ ...given, p: 1 });
      const many = run({ ...given, p });
      const idle = 1 - many.busy / (p * many.time);
      const bottom = 14 + p * ROW;
      const x = kit.linear([0, many.time], [LEFT, WIDTH - 16]);
      picture.setAttribute("viewBox", `0 0 ${WIDTH} ${bottom + 60}`);
      kit.clear(picture);
      for (let core = 0; core < p; core += 1) {
        picture.append(kit.svg("text", { x: LEFT - 8, y: 14 + core * ROW + 16, "text-anchor": "end", text: String(core) }));
      }
      for (const bar of many.bars) {
        picture.append(kit.svg("rect", { x: x(bar.start), y: 16 + bar.core * ROW, width: Math.max(1, x(bar.end) - x(bar.start)),
          height: ROW - 4, class: `pe-fill-${FILL[bar.name]}`, "data-name": bar.name }));
      }
      Object.entries(FILL).forEach(([name, colour], i) => picture.append(
        kit.svg("rect", { x: LEFT + 130 * i, y: bottom + 44, width: 12, height: 12, class: `pe-fill-${colour}` }),
        kit.svg("text", { x: LEFT + 130 * i + 18, y: bottom + 55, text: name })));
      kit.axis(picture, { at: bottom + 4, from: x(0), to: x(many.time), scale: x, values: kit.ticks(0, many.time, 4), label: "" });
      numbers.set({ "Cycles, 1 core": Math.round(one.time).toLocaleString("en"), "Cycles, p cores": Math.round(many.time).toLocaleString("en"),
        "Speed-up": (one.time / many.time).toFixed(2), "Idle": kit.percent(idle), "Columns from d =": breakEven(given.c, p) });
      status.say(`${kit.plural(p, "core")}, ${cut.value}, ${arithmetic.value}: ${(one.time / many.time).toFixed(2)} times faster.`);
      picture.describe(`Gantt chart of ${kit.plural(p, "core")}: ${many.bars.length} bars in ${Math.round(many.time)} cycles; idle share ${kit.percent(idle)}.`);
    }

    el.append(kit.controls(kernel, arithmetic), kit.controls(cut), kit.controls(cores, classes, features, barrier), picture, numbers.el, status.el);
    draw();
  },
};
