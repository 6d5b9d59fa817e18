/* Scan networks on sixteen numbers: rounds downwards, a disc for each application of the operator. */

const WIDTH = 640;
const [LEFT, RIGHT] = [34, 624];
const TOP = 56;
const ROUND = 30;

export default {
  render({ model, el }) {
    const numbersIn = model.get("numbers");
    const networks = model.get("networks");
    const n = numbersIn.length;
    let network = networks[1];
    let stepper = null;

    const x = kit.linear([0, n - 1], [LEFT + 14, RIGHT - 14]);
    const picture = kit.picture({ width: WIDTH, height: 300, label: "" });
    const numbers = kit.numbers(["Rounds (depth)", "Combines so far", "Combines in all", "Prefixes complete", "Steps on 4 workers"]);
    const status = kit.status();
    const method = kit.choice({ label: "Method", value: network.id,
      options: networks.map((m) => ({ value: m.id, label: m.label })), onChange: choose });
    const place = kit.html("div", { style: { flex: "1 1 14rem" } });
    const play = kit.play({ label: "Play", interval: 900, onTick: () => stepper.step(1) });

    /* What place i has to hold in the end: everything up to it, or everything before it. */
    const goal = (i) => (network.id === "blelloch" ? [0, i - 1] : [0, i]);
    const isDone = (block, i) => (block === null ? goal(i)[1] < 0 : block[0] === 0 && block[1] === goal(i)[1]);
    const total = (block) => (block === null ? 0 : numbersIn.slice(block[0], block[1] + 1).reduce((a, b) => a + b, 0));
    const words = (block) => (block === null ? "nothing" : block[0] === block[1] ? `x${block[0]}` : `x${block[0]} to x${block[1]}`);

    function choose(id) {
      network = networks.find((m) => m.id === id);
      stepper = kit.slider({ label: "After round", min: 0, max: network.levels.length, value: 0, onInput: draw });
      place.replaceChildren(stepper.el);
      draw(0);
    }

    function draw(round) {
      const depth = network.levels.length;
      const foot = TOP + depth * ROUND + 24;
      picture.setAttribute("viewBox", `0 0 ${WIDTH} ${foot + 62}`);
      kit.clear(picture).append(...wires(depth), ...network.levels.flatMap((level, k) => rung(level, k, round)),
        ...values(foot, round), ...blocks(foot + 16, round));
      describe(round);
    }

    const wires = (depth) => numbersIn.flatMap((v, i) => [
      kit.svg("text", { x: x(i), y: 20, "text-anchor": "middle", text: String(v) }),
      kit.svg("line", { x1: x(i), x2: x(i), y1: 28, y2: TOP + depth * ROUND, stroke: kit.colors.grey, "stroke-opacity": 0.5 })]);

    function rung(level, k, round) {
      const [from, to] = [TOP + (k - 0.75) * ROUND, TOP + k * ROUND];
      const hue = k + 1 === round ? "vermilion" : k < round ? "blue" : "grey";
      const faint = k < round ? 1 : 0.35;
      return level.flatMap(([src, dst]) => [
        kit.svg("line", { x1: x(src), y1: from, x2: x(dst), y2: to, class: `pe-line-${hue}`, opacity: faint,
          "stroke-width": k + 1 === round ? 3 : 1.5 }),
        kit.svg("circle", { cx: x(dst), cy: to, r: k + 1 === round ? 6 : 4, class: `pe-fill-${hue}`, opacity: faint })]);
    }

    function values(foot, round) {
      const held = network.held[round];
      return held.flatMap((block, i) => {
        const done = isDone(block, i);
        return [
          kit.svg("rect", { x: x(i) - 17, y: foot - 16, width: 34, height: 22, rx: 4, class: done ? "pe-fill-green" : "pe-fill-none",
            "fill-opacity": done ? 0.3 : 1, stroke: done ? kit.colors.green : kit.colors.grey, "stroke-width": done ? 2.5 : 1 }),
          kit.svg("text", { x: x(i), y: foot, "text-anchor": "middle", text: block === null ? "e" : String(total(block)) })];
      });
    }

    /* A bar for each place: which inputs its value is made of. */
    const blocks = (y, round) => network.held[round].flatMap((block, i) => (block === null ? [] : [
      kit.svg("line", { x1: x(block[0]) - 6, x2: x(block[1]) + 6, y1: y + 2 * i, y2: y + 2 * i,
        stroke: isDone(block, i) ? kit.colors.green : kit.colors.grey, "stroke-width": 1.5 })]));

    function describe(round) {
      const held = network.held[round];
      const complete = held.filter((block, i) => isDone(block, i)).length;
      const so = network.levels.slice(0, round).reduce((sum, level) => sum + level.length, 0);
      const four = network.levels.reduce((sum, level) => sum + Math.ceil(level.length / 4), 0);
      numbers.set({ "Rounds (depth)": network.span, "Combines so far": so, "Combines in all": network.work,
        "Prefixes complete": `${complete} of ${n}`, "Steps on 4 workers": four });
      const width = round ? network.levels[round - 1].length : 0;
      status.say(round ? `Round ${round} of ${network.span}: ${kit.plural(width, "combine")}; the last place holds ${words(held[n - 1])}.`
        : `${network.label}: ${kit.plural(network.span, "round")}, ${kit.plural(network.work, "combine")}. Step through the rounds.`);
      picture.describe(`${network.label} scan of sixteen numbers after round ${round}: ${complete} prefixes complete`);
    }

    el.append(kit.controls(method), kit.controls(place, play), picture, numbers.el, status.el);
    choose(network.id);
  },
};
