/* Wires of trained models as lines between rows of nodes, and outputs, as the input is scaled.
 *
 * Weights are digits, in tenths, in the order layer, head, reader, source.
 */

const SIZE = { width: 560, height: 430, left: 54, step: 56, top: 62, row: 68 };
const LAYERS = 4;
const HEADS = 2;
const NODES = 9;

export default {
  render({ model, el }) {
    const views = model.get("views");
    const input = model.get("input");
    const picture = kit.picture({ width: SIZE.width, height: SIZE.height, label: "" });
    const numbers = kit.numbers(["Mean squared error", "Error at λ = 1, times λ²", "Wires moved"]);
    const status = kit.status();
    const task = kit.choice({ label: "Task", options: model.get("tasks"), onChange: draw });
    const kind = kit.choice({ label: "Model", options: model.get("kinds"), onChange: draw });
    const head = kit.stepper({ label: "Head", min: 1, max: HEADS, value: 1, onChange: draw });
    const scale = kit.slider({ label: "Input times λ", min: 1, max: 20, value: 1, onInput: draw });

    const x = (node) => SIZE.left + SIZE.step * node;
    const y = (row) => SIZE.top + SIZE.row * row;

    function tables(view, factor) {
      const text = view.wires[Math.min(factor, view.wires.length) - 1];
      return (layer, h, i, j) => Number(text[((layer * HEADS + h) * NODES + i) * NODES + j]) / 9;
    }

    function error(view, factor) {
      const squares = view.outputs[factor - 1].map((out, i) => (out - factor * view.truth[i]) ** 2);
      return squares.reduce((a, b) => a + b, 0) / squares.length;
    }

    /* Half the sum of absolute differences of a row, in the mean over all rows. */
    function moved(view, factor) {
      const [before, after] = [tables(view, 1), tables(view, factor)];
      let total = 0;
      for (let t = 0; t < LAYERS; t += 1) {
        for (let h = 0; h < HEADS; h += 1) {
          for (let i = 0; i < NODES; i += 1) {
            for (let j = 0; j < NODES; j += 1) total += Math.abs(after(t, h, i, j) - before(t, h, i, j)) / 2;
          }
        }
      }
      return Math.min(1, total / (LAYERS * HEADS * NODES));
    }

    function wires(view, factor) {
      const group = kit.svg("g");
      const weight = tables(view, factor);
      const standard = kind.value === "standard";
      for (let t = 0; t < LAYERS; t += 1) {
        for (let i = 0; i < NODES; i += 1) {
          for (let j = 0; j < NODES; j += 1) {
            const w = weight(t, head.value - 1, i, j);
            if (w < 0.1) continue;
            group.append(kit.svg("line", { x1: x(j), y1: y(t), x2: x(i), y2: y(t + 1), "data-wire": t,
              class: standard ? "pe-line-blue" : "pe-line-vermilion",
              "stroke-width": 0.6 + 4 * w, "stroke-opacity": 0.3 + 0.7 * w, "stroke-linecap": "round",
              "stroke-dasharray": standard ? "6 3" : null }));
          }
        }
      }
      for (let t = 0; t <= LAYERS; t += 1) {
        for (let i = 0; i < NODES; i += 1) group.append(kit.svg("circle", { cx: x(i), cy: y(t), r: 4, class: "pe-fill-grey" }));
      }
      return group;
    }

    function words(row, values, label) {
      const group = kit.svg("g");
      group.append(kit.svg("text", { x: 2, y: row, text: label }));
      values.forEach((value, i) => group.append(kit.svg("text", { x: x(i), y: row, "text-anchor": "middle", text: value })));
      return group;
    }

    function draw() {
      const view = views[`${task.value} ${kind.value}`];
      const factor = scale.value;
      const short = (v) => kit.number(v, 2);
      kit.clear(picture).append(wires(view, factor),
        words(20, [1, 2, 3, 4, 5, 6, 7, 8, "∅"], "node"),
        words(42, input.map((v) => short(factor * v)), "in"),
        words(y(LAYERS) + 30, view.outputs[factor - 1].map(short), "out"),
        words(y(LAYERS) + 54, view.truth.map((v) => short(factor * v)), "true"));
      const [found, first] = [error(view, factor), error(view, 1)];
      numbers.set({ "Mean squared error": kit.number(found, 2), "Error at λ = 1, times λ²": kit.number(first * factor ** 2, 2),
        "Wires moved": kit.percent(moved(view, factor), 2) });
      status.say(`${kind.value} model, input times ${factor}: error ${kit.number(found, 2)}.`);
      picture.describe(`Lines of four layers between nine nodes, ${kind.value} model, input times ${factor}; mean squared error ${kit.number(found, 2)}.`);
    }

    el.append(kit.controls(task, kind), kit.controls(head, scale), picture, numbers.el, status.el);
    draw();
  },
};
