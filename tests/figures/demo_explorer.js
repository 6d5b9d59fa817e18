export default {
  render({ model, el }) {
    const { work, span } = model.get("cost");
    const [width, height] = [560, 240];
    const x = kit.linear([1, 32], [50, width - 20]);
    const y = kit.linear([0, work / span * 1.15], [height - 44, 12]);
    const speedUp = (p) => work / ((work - span) / p + span);
    const picture = kit.picture({ width, height, label: "Line chart: speed-up against workers" });
    kit.axis(picture, { side: "bottom", at: height - 44, from: 50, to: width - 20, scale: x, values: [1, 8, 16, 24, 32], label: "workers p" });
    kit.axis(picture, { side: "left", at: 50, from: height - 44, to: 12, scale: y, values: kit.ticks(0, work / span, 4), label: "speed-up" });
    const points = Array.from({ length: 32 }, (_, i) => `${x(i + 1)},${y(speedUp(i + 1))}`).join(" ");
    picture.append(kit.svg("line", { x1: x(1), x2: x(32), y1: y(work / span), y2: y(work / span), class: "pe-line-green", "stroke-width": 2, "stroke-dasharray": "6 4" }));
    picture.append(kit.svg("text", { x: x(32), y: y(work / span) - 6, "text-anchor": "end", style: { fill: kit.colors.text.green }, text: "bound W/S" }));
    picture.append(kit.svg("polyline", { points, class: "pe-line-vermilion", "stroke-width": 2.5 }));
    const dot = picture.appendChild(kit.svg("circle", { r: 7, class: "pe-fill-vermilion pe-smooth" }));
    const numbers = kit.numbers(["Workers", "Speed-up", "Efficiency"]);
    const status = kit.status();
    const unit = kit.choice({ label: "Count in", options: ["steps", "seconds"], onChange: () => draw(workers.value) });
    const marks = kit.toggle({ label: "Show the point", value: true, onChange: () => draw(workers.value) });
    const rounds = kit.stepper({ label: "Round", min: 0, max: 3, value: 0, onChange: () => draw(workers.value) });
    const workers = kit.slider({ label: "Workers p", min: 1, max: 32, value: 8, onInput: draw });
    const play = kit.play({ onTick: () => workers.step(1), interval: 60 });
    function draw(p) {
      dot.setAttribute("cx", x(p));
      dot.setAttribute("cy", y(speedUp(p)));
      dot.setAttribute("visibility", marks.value ? "visible" : "hidden");
      numbers.set({ "Workers": p, "Speed-up": kit.times(speedUp(p)), "Efficiency": kit.percent(speedUp(p) / p) });
      status.say(`${kit.plural(p, "worker")}: ${kit.times(speedUp(p))} faster in ${unit.value}, round ${rounds.value}.`);
    }
    draw(workers.value);
    el.append(kit.controls(workers, play, unit, rounds, marks), picture, numbers.el, status.el);
  },
};
