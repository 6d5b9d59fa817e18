/* A frame as a grid: which call generates which cell, and what the chosen cell sees and gives up.
 *
 * Calls and visible cells are those of the library, written again for the browser.
 */

const WIDTH = 480;

export default {
  render({ model, el }) {
    const shapes = model.get("shapes");
    const start = model.get("start");
    const numbers = kit.numbers(["Calls a frame", "Raster order", "Speed-up", "Widest call", "Cell sees", "Cell gives up"]);
    const status = kit.status();
    const stage = kit.html("div");
    const [ofOffset, ofCell, ofClock] = [0, 1, 2].map(() => kit.html("div"));
    const play = kit.play({ label: "Play", interval: 450, onTick: () => clock.step(1) });
    const shape = kit.choice({ label: "Rows × columns", options: model.get("order"), value: start.shape,
      onChange: () => rebuild() });
    const refresh = kit.toggle({ label: "Refresh", value: true, onChange: () => draw() });
    let offset = null;
    let clock = null;
    let row = null;
    let column = null;
    let R = 0;
    let C = 0;

    const call = (r, c) => r * offset.value + c + 1;
    const total = () => (R - 1) * offset.value + C;

    /* seen, lost or later, of cell (a, b) for the chosen one. */
    function relation(a, b) {
      const [r, c] = [row.value, column.value];
      if (a > r || (a === r && b >= c)) return "later";
      const hidden = !refresh.value && b === C - 1 && a < r;
      return call(a, b) < call(r, c) && !hidden ? "seen" : "lost";
    }

    function rebuild() {
      if (clock !== null) play.stop();
      [R, C] = shapes[shape.value];
      const whole = (least, most, value, label, onChange) =>
        kit.stepper({ label, min: least, max: most, value: Math.min(value, most), onChange: () => onChange(), format: String });
      offset = kit.slider({ label: "Row offset w", min: 1, max: C, value: offset === null ? start.w : Math.min(offset.value, C),
        onInput: () => rewind(), format: String });
      row = whole(0, R - 1, row === null ? start.row : row.value, "Row", draw);
      column = whole(0, C - 1, column === null ? start.column : column.value, "Column", draw);
      kit.clear(ofOffset).append(kit.controls(offset, refresh));
      kit.clear(ofCell).append(kit.controls(row, column));
      rewind();
    }

    function rewind() {
      if (clock !== null) play.stop();
      clock = kit.stepper({ label: "Call", min: 0, max: total(), value: call(row.value, column.value) - 1, onChange: () => draw(),
        format: (n) => `${n} of ${total()}` });
      kit.clear(ofClock).append(kit.controls(clock, play));
      draw();
    }

    function draw() {
      const size = WIDTH / C;
      const picture = kit.picture({ width: WIDTH, height: R * size, label: `Frame of ${R} rows and ${C} columns` });
      const count = { seen: 0, lost: 0, later: 0 };
      for (let a = 0; a < R; a += 1) {
        for (let b = 0; b < C; b += 1) {
          const kind = relation(a, b);
          count[kind] += 1;
          picture.append(cell(a, b, kind, size));
        }
      }
      kit.clear(stage).append(picture);
      const width = Math.max(...widths());
      numbers.set({ "Calls a frame": total(), "Raster order": R * C, "Speed-up": kit.times((R * C) / total()),
        "Widest call": kit.plural(width, "cell"), "Cell sees": count.seen, "Cell gives up": count.lost });
      const sentence = `Call ${clock.value} of ${total()}. Cell (${row.value}, ${column.value}) is generated in call `
        + `${call(row.value, column.value)}, sees ${kit.plural(count.seen, "cell")} of this frame and gives up ${count.lost}.`;
      status.say(sentence);
      picture.describe(sentence);
    }

    function widths() {
      const found = new Array(total()).fill(0);
      for (let a = 0; a < R; a += 1) for (let b = 0; b < C; b += 1) found[call(a, b) - 1] += 1;
      return found;
    }

    function cell(a, b, kind, size) {
      const chosen = a === row.value && b === column.value;
      const now = call(a, b) === clock.value;
      const done = call(a, b) < clock.value;
      const [x, y, middle] = [b * size, a * size, size / 2];
      const parts = [kit.svg("rect", { x: x + 1, y: y + 1, width: size - 2, height: size - 2,
        style: { fill: now ? kit.colors.vermilion : kit.colors.grey, fillOpacity: now ? 0.8 : done ? 0.35 : 0.06,
          stroke: chosen ? "currentColor" : kit.colors.grey, strokeWidth: chosen ? 3 : 0.7 } })];
      if (C <= 12) {
        parts.push(kit.svg("text", { x: x + middle, y: y + middle + 4, "text-anchor": "middle", text: String(call(a, b)),
          style: { fontSize: "12px" } }));
      }
      const corner = C <= 12 ? size - 8 : middle;
      if (kind === "seen") {
        parts.push(kit.svg("circle", { cx: x + corner, cy: y + (C <= 12 ? 8 : middle), r: C <= 12 ? 4 : 5, style: { fill: kit.colors.green } }));
      } else if (kind === "lost") {
        const [cx, cy, s] = [x + corner, y + (C <= 12 ? 8 : middle), 4];
        parts.push(kit.svg("path", { d: `M${cx - s} ${cy - s}l${2 * s} ${2 * s}m0 ${-2 * s}l${-2 * s} ${2 * s}`,
          style: { stroke: "currentColor", strokeWidth: 2, fill: "none" } }));
      }
      return kit.svg("g", { "data-kind": kind, onpointerenter: () => choose(a, b) }, ...parts);
    }

    function choose(a, b) {
      if (a === row.value && b === column.value) return;
      row.set(a, { quiet: true });
      column.set(b, { quiet: true });
      draw();
    }

    el.append(kit.controls(shape), ofOffset, ofCell, ofClock, stage, numbers.el, status.el);
    rebuild();
  },
};
