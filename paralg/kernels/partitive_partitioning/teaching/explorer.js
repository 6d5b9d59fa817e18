/* A cloud cut in two by 2-means, and two Gaussians that start from the cut: do they stay with it?
 *
 * All fits were made by the library; the figure only chooses among them and applies the rules.
 */

const SIZE = { width: 560, height: 360 };
const AREA = { left: 20, right: 340, top: 20, bottom: 340, low: -3.6, high: 3.6 };
const CURVE = { left: 410, right: 545, top: 40, bottom: 300 };

export default {
  render({ model, el }) {
    const clouds = model.get("clouds");
    const steps = model.get("steps");
    const picture = kit.picture({ width: SIZE.width, height: SIZE.height, label: "" });
    const numbers = kit.numbers(["EM steps", "Agreement", "Gain in BIC", "Verdict"]);
    const status = kit.status();
    const name = kit.choice({ label: "Cloud", options: model.get("names"), onChange: draw });
    const at = kit.slider({ label: "EM steps", min: 0, max: steps.length - 1, value: 0, onInput: draw, format: (i) => String(steps[i]) });
    const tau = kit.slider({ label: "Least agreement τ", min: 50, max: 100, value: 90, onInput: draw, format: (v) => `${v} %` });

    const x = kit.linear([AREA.low, AREA.high], [AREA.left, AREA.right]);
    const y = kit.linear([AREA.low, AREA.high], [AREA.bottom, AREA.top]);

    function verdict(frame) {
      if (frame[0] < tau.value / 100) return "refused";
      return frame[1] > 0 ? "accepted" : "refused";
    }

    function draw() {
      const one = clouds[name.value];
      const frame = one.frames[at.value];
      const said = verdict(frame);
      kit.clear(picture).append(points(one), ...frame.slice(2).map(ellipse), curve(one));
      numbers.set({ "EM steps": steps[at.value], "Agreement": kit.number(frame[0]), "Gain in BIC": kit.number(frame[1]), "Verdict": said });
      const why = frame[0] < tau.value / 100 ? "the mixture has left the cut" : frame[1] > 0 ? "the mixture stays with the cut and is more plausible than one Gaussian" : "one Gaussian is as plausible";
      status.say(`${said}: ${why}.`);
      picture.describe(`${name.value} after ${steps[at.value]} steps of EM: agreement ${kit.number(frame[0])}, gain in BIC ${kit.number(frame[1])}, split ${said}.`);
    }

    function points(one) {
      const group = kit.svg("g");
      one.points.forEach(([a, b], i) => {
        const right = one.sides[i] === 1;
        group.append(right
          ? kit.svg("rect", { x: x(a) - 2, y: y(b) - 2, width: 4, height: 4, class: "pe-fill-vermilion" })
          : kit.svg("circle", { cx: x(a), cy: y(b), r: 2.2, style: { fill: kit.colors.blue } }));
      });
      return group;
    }

    function ellipse([a, b, wide, high, angle]) {
      const scale = x(1) - x(0);
      return kit.svg("ellipse", { cx: x(a), cy: y(b), rx: wide * scale, ry: high * scale,
        transform: `rotate(${-angle} ${x(a)} ${y(b)})`,
        style: { fill: "none", stroke: kit.colors.green, strokeWidth: 2.5 } });
    }

    function curve(one) {
      const group = kit.svg("g");
      const across = kit.linear([0, steps.length - 1], [CURVE.left, CURVE.right]);
      const up = kit.linear([0.5, 1], [CURVE.bottom, CURVE.top]);
      const line = one.frames.map((frame, i) => `${i ? "L" : "M"}${across(i)} ${up(Math.max(0.5, frame[0]))}`).join("");
      const bar = up(tau.value / 100);
      group.append(kit.svg("line", { x1: CURVE.left, x2: CURVE.right, y1: bar, y2: bar, style: { stroke: kit.colors.green, strokeWidth: 1.5, strokeDasharray: "5 4" } }));
      group.append(kit.svg("path", { d: line, style: { fill: "none", stroke: kit.colors.vermilion, strokeWidth: 2 } }));
      group.append(kit.svg("circle", { cx: across(at.value), cy: up(Math.max(0.5, one.frames[at.value][0])), r: 5, class: "pe-fill-vermilion" }));
      kit.axis(group, { side: "left", at: CURVE.left, from: CURVE.top, to: CURVE.bottom, scale: up, values: [0.5, 0.6, 0.7, 0.8, 0.9, 1], label: "agreement" });
      kit.axis(group, { at: CURVE.bottom, from: CURVE.left, to: CURVE.right, scale: across,
        values: [0, 7, 14], format: (i) => String(steps[i]), label: "EM steps" });
      return group;
    }

    el.append(kit.controls(name), kit.controls(at, tau), picture, numbers.el, status.el);
    draw();
  },
};
