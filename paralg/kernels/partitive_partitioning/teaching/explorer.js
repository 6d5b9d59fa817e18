// ✎ What the reader moves and sees. `kit` is described at the head of paralg/figures/explorer_kit.js.
export default {
  render({ model, el }) {
    const [work, span] = [model.get("work"), model.get("span")];
    const [width, height, left, bottom] = [560, 240, 60, 196];
    const x = kit.log([1, 256], [left, width - 20]);
    const y = kit.log([8, work], [bottom, 16]);
    const bound = (p) => (work - span) / p + span;

    const picture = kit.picture({ width, height, label: "Line chart: promised time against workers" });
    kit.axis(picture, { side: "bottom", at: bottom, from: left, to: width - 20, scale: x,
      values: [1, 4, 16, 64, 256], label: "workers p" });
    kit.axis(picture, { side: "left", at: left, from: bottom, to: 16, scale: y,
      values: [10, 30, 100, 300, 1000], label: "additions in a row" });
    const points = Array.from({ length: 256 }, (_, i) => `${x(i + 1)},${y(bound(i + 1))}`).join(" ");
    picture.append(kit.svg("line", { x1: left, x2: width - 20, y1: y(span), y2: y(span),
      class: "pe-line-green", "stroke-width": 2, "stroke-dasharray": "6 4" }));
    picture.append(kit.svg("polyline", { points, class: "pe-line-vermilion", "stroke-width": 2.5 }));
    const dot = picture.appendChild(kit.svg("circle", { r: 7, class: "pe-fill-vermilion" }));

    const numbers = kit.numbers(["Workers", "Additions in a row, at most", "Span"]);
    const status = kit.status();
    const workers = kit.slider({ label: "Workers p", min: 1, max: 256, value: 8, onInput: draw });
    const play = kit.play({ onTick: () => workers.step(4), interval: 100 });

    function draw(p) {
      dot.setAttribute("cx", x(p));
      dot.setAttribute("cy", y(bound(p)));
      numbers.set({ "Workers": p, "Additions in a row, at most": bound(p), "Span": span });
      status.say(`${kit.plural(p, "worker")}: at most ${kit.number(bound(p))} additions in a row.`);
    }
    draw(workers.value);
    el.append(kit.controls(workers, play), picture, numbers.el, status.el);
  },
};
