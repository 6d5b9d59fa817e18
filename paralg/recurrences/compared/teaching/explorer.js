/* What five mixers keep and do after n tokens: bars on a logarithmic axis, n a power of two. */

const WIDTH = 640;
const LEFT = 170;
const RIGHT = 560;
const ROW = 34;
const TOP = 12;

const COUNTS = {
  state: { label: "numbers kept", axis: "numbers kept by one layer", top: 1e9 },
  work: { label: "work of the next token", axis: "multiply-adds of the next token", top: 1e10 },
  span: { label: "span of training", axis: "dependent steps to mix n tokens in training", top: 1e7 },
};
const SUPERSCRIPT = (k) => `10${String(k).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])}`;

export default {
  render({ model, el }) {
    const mixers = model.get("mixers");
    const bottom = TOP + mixers.length * ROW;
    const picture = kit.picture({ width: WIDTH, height: bottom + 50, label: "" });
    const numbers = kit.numbers(mixers.map((mixer) => mixer.name));
    const status = kit.status();
    const count = kit.choice({ label: "Count", value: "state",
      options: Object.entries(COUNTS).map(([value, { label }]) => ({ value, label })), onChange: () => draw() });
    const last = mixers[0].counts.state.length - 1;
    const tokens = kit.slider({ label: "Tokens n", min: 0, max: last, value: 10,
      format: (k) => kit.number(2 ** k), onInput: () => draw() });
    const play = kit.play({ label: "Read on", onTick: () => tokens.step(1) });

    function draw() {
      const [which, k] = [count.value, tokens.value];
      const { axis, top, label } = COUNTS[which];
      const x = kit.log([1, top], [LEFT, RIGHT]);
      const values = mixers.map((mixer) => mixer.counts[which][k]);
      kit.clear(picture).append(...mixers.flatMap((mixer, i) => bar(mixer, values[i], i, x)));
      const powers = Array.from({ length: Math.floor(Math.log10(top) / 2) + 1 }, (_, i) => 2 * i);
      kit.axis(picture, { at: bottom + 6, from: LEFT, to: RIGHT, scale: x,
        values: powers.map((p) => 10 ** p), label: axis, format: (v) => SUPERSCRIPT(Math.round(Math.log10(v))) });
      numbers.set(Object.fromEntries(mixers.map((mixer, i) => [mixer.name, kit.number(values[i])])));
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const of = (value) => mixers.filter((_, i) => values[i] === value).map((mixer) => mixer.name)
        .join(", ").replace(/, ([^,]*)$/, " and $1");
      const ratio = least > 0 ? `, ${kit.times(most / least)} as much` : "";
      status.say(`After ${kit.plural(2 ** k, "token")}, ${label}: least ${of(least)}, most ${of(most)}${ratio}.`);
      picture.describe(`Bars, log axis: ${axis} after ${kit.number(2 ** k)} tokens; `
        + mixers.map((mixer, i) => `${mixer.name} ${kit.number(values[i])}`).join(", "));
    }

    function bar(mixer, value, i, x) {
      const y = TOP + i * ROW;
      const end = x(Math.max(1, value));
      return [
        kit.svg("text", { x: LEFT - 8, y: y + ROW / 2 + 4, "text-anchor": "end", text: mixer.name }),
        kit.svg("rect", { x: LEFT, y: y + 5, width: Math.max(1, end - LEFT), height: ROW - 10,
          class: i < 2 ? "pe-fill-blue" : "pe-fill-vermilion", "fill-opacity": i < 2 ? 1 : 0.85 }),
        kit.svg("text", { x: end + 6, y: y + ROW / 2 + 4, text: kit.number(value) }),
      ];
    }

    el.append(kit.controls(count, tokens, play), picture, numbers.el, status.el);
    draw();
  },
};
