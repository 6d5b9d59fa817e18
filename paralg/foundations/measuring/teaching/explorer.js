/* Two codes timed in rounds, really. Choose statistic, order and repeats, and see what one would conclude. */

const WIDTH = 640;
const [LEFT, RIGHT] = [58, 626];
const TOP = 26;
const SPLIT = 218;
const RESAMPLES = 200;

/* A small generator with a fixed seed: the same intervals at every visit. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

const sorted = (xs) => Float64Array.from(xs).sort();
const median = (xs) => {
  const s = sorted(xs);
  const h = s.length >> 1;
  return s.length % 2 ? s[h] : (s[h - 1] + s[h]) / 2;
};
const STATISTICS = {
  minimum: (xs) => Math.min(...xs),
  mean: (xs) => xs.reduce((a, b) => a + b, 0) / xs.length,
  median,
};

/* The ratio that one reports; interleaved rounds are paired, and the median takes quotients within rounds. */
function ratio(a, b, statistic, paired) {
  if (paired && statistic === "median") return median(b.map((x, i) => x / a[i]));
  return STATISTICS[statistic](b) / STATISTICS[statistic](a);
}

function resampled(a, b, statistic, paired, random, times) {
  const n = a.length;
  const draw = () => Array.from({ length: n }, () => Math.floor(random() * n));
  const values = Array.from({ length: times }, () => {
    const i = draw();
    const j = paired ? i : draw();
    return ratio(i.map((k) => a[k]), j.map((k) => b[k]), statistic, paired);
  });
  const s = sorted(values);
  return [s[Math.floor(0.025 * (times - 1))], s[Math.ceil(0.975 * (times - 1))]];
}

export default {
  render({ model, el }) {
    const samples = model.get("milliseconds");
    const busy = model.get("busy");
    const truths = model.get("truths");
    const rounds = busy.length;
    const [shortest, longest] = model.get("range");

    const picture = kit.picture({ width: WIDTH, height: 330, label: "" });
    const numbers = kit.numbers(["Ratio", "95 % interval", "Truth", "Verdict", "Interval holds the truth"]);
    const status = kit.status();
    const pair = kit.choice({ label: "Compare A with", value: "B", onChange: countAndDraw,
      options: [{ value: "B", label: "B, which does 5 % more" }, { value: "twin", label: "A itself" }] });
    const order = kit.choice({ label: "Order", value: "separate", onChange: countAndDraw,
      options: [{ value: "separate", label: "first all A, then the other" }, { value: "paired", label: "interleaved" }] });
    const statistic = kit.choice({ label: "Statistic", value: "mean", options: Object.keys(STATISTICS), onChange: countAndDraw });
    const repeats = kit.slider({ label: "Repeats", min: 3, max: 40, value: 10, onInput: countAndDraw });
    const start = kit.slider({ label: "First round", min: 0, max: rounds - 6, value: 66, onInput: draw });
    const play = kit.play({ label: "Move on", interval: 250, onTick: () => start.step(2) });
    let share = 0;

    function windows(from) {
      const n = repeats.value;
      const second = order.value === "paired" ? from : from + n;
      return { a: [from, from + n], b: [second, second + n], fits: second + n <= rounds };
    }

    function verdict(from, times) {
      const { a, b } = windows(from);
      const [x, y] = [samples.A.slice(...a), samples[pair.value].slice(...b)];
      const paired = order.value === "paired";
      const value = ratio(x, y, statistic.value, paired);
      const [low, high] = resampled(x, y, statistic.value, paired, generator(7 + from), times);
      return { value, low, high };
    }

    /* For how many starting rounds does the interval contain the truth? */
    function countAndDraw() {
      const truth = truths[pair.value];
      let [good, all] = [0, 0];
      for (let from = 0; windows(from).fits; from += 1) {
        const { low, high } = verdict(from, 60);
        good += low <= truth && truth <= high ? 1 : 0;
        all += 1;
      }
      share = good / all;
      draw();
    }

    function draw() {
      const last = rounds - repeats.value * (order.value === "paired" ? 1 : 2);
      const from = Math.min(start.value, last);
      if (from !== start.value) start.set(from, { quiet: true });
      const result = verdict(from, RESAMPLES);
      kit.clear(picture);
      timeline(windows(from));
      scale(result);
      describe(from, result);
    }

    function timeline({ a, b }) {
      const x = kit.linear([0, rounds], [LEFT, RIGHT]);
      const y = kit.log([shortest, longest], [SPLIT - 34, TOP]);
      const [first, end] = [busy.indexOf(1), busy.lastIndexOf(1) + 1];
      picture.append(
        kit.svg("rect", { x: x(first), y: TOP, width: x(end) - x(first), height: SPLIT - 34 - TOP, class: "pe-fill-orange", "fill-opacity": 0.15 }),
        kit.svg("text", { x: x((first + end) / 2), y: 17, "text-anchor": "middle", text: "a neighbour on the core" }));
      for (const [lo, hi, hue] of [[...a, "blue"], [...b, "vermilion"]]) {
        picture.append(kit.svg("rect", { x: x(lo), y: TOP, width: x(hi) - x(lo), height: SPLIT - 34 - TOP,
          class: `pe-line-${hue}`, "stroke-width": 2, "stroke-dasharray": hue === "blue" ? null : "6 4" }));
      }
      const inside = (i, [lo, hi]) => i >= lo && i < hi;
      const height = (v) => y(Math.min(v, longest));
      for (let i = 0; i < rounds; i += 1) {
        const faint = (range) => (inside(i, range) ? 1 : 0.25);
        picture.append(
          kit.svg("circle", { cx: x(i + 0.5), cy: height(samples.A[i]), r: 2.4, class: "pe-fill-blue", "fill-opacity": faint(a) }),
          kit.svg("rect", { x: x(i + 0.5) - 2.2, y: height(samples[pair.value][i]) - 2.2, width: 4.4, height: 4.4,
            class: "pe-fill-vermilion", "fill-opacity": faint(b) }));
      }
      kit.axis(picture, { at: SPLIT - 34, from: LEFT, to: RIGHT, scale: x, values: kit.ticks(0, rounds, 6), label: "round" });
      kit.axis(picture, { side: "left", at: LEFT, from: TOP, to: SPLIT - 34, scale: y, 
        values: [2, 3, 5, 10, 15, 20, 30, 40].filter((v) => v >= shortest && v <= longest), label: "ms" });
    }

    function scale({ value, low, high }) {
      const r = kit.log([0.4, 2.6], [LEFT, RIGHT]);
      const at = (v) => r(kit.clamp(v, 0.4, 2.6));
      const y = SPLIT + 48;
      const truth = truths[pair.value];
      picture.append(
        kit.svg("line", { x1: r(truth), x2: r(truth), y1: y - 22, y2: y + 18, class: "pe-line-green", "stroke-width": 2, "stroke-dasharray": "5 4" }),
        kit.svg("text", { x: r(truth) + 6, y: y - 12, text: `truth ${truth}` }),
        kit.svg("line", { x1: at(low), x2: at(high), y1: y + 4, y2: y + 4, class: "pe-line-vermilion", "stroke-width": 4 }),
        kit.svg("circle", { cx: at(value), cy: y + 4, r: 6, class: "pe-fill-vermilion" }));
      kit.axis(picture, { at: y + 20, from: LEFT, to: RIGHT, scale: r, values: [0.5, 0.75, 1, 1.5, 2, 2.5],
        label: "time of the other over time of A" });
    }

    function describe(from, { value, low, high }) {
      const other = pair.value === "twin" ? "the twin" : "B";
      const words = low > 1 ? `${other} is slower` : high < 1 ? `${other} is faster` : "cannot tell";
      const truth = truths[pair.value];
      const wrong = truth < low || truth > high;
      numbers.set({ "Ratio": value.toFixed(3), "95 % interval": `${low.toFixed(2)} to ${high.toFixed(2)}`,
        "Truth": truth.toFixed(2), "Verdict": words, "Interval holds the truth": `at ${kit.percent(share, 2)} of starts` });
      status.say(`From round ${from}, ${kit.plural(repeats.value, "repeat")}: ${words}; `
        + `the interval ${wrong ? "misses" : "contains"} the truth.`);
      picture.describe(`Timings of A and ${other} by round; ratio ${value.toFixed(2)}, interval ${low.toFixed(2)} to ${high.toFixed(2)}, truth ${truth}`);
    }

    el.append(kit.controls(pair, order, statistic), kit.controls(repeats, start, play), picture, numbers.el, status.el);
    countAndDraw();
  },
};
