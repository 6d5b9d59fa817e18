/* Strips of digits: where the loop's calls and the slots look, counts, and which slots exist.
 *
 * Every view was computed by the shipped readers when the page was built; digits 0 to 9 stand for
 * shares of ink or of attention.
 */

const SIDE = 8; // pixels of the picture for one of the strip
const COLUMNS = 48;
const ROWS = 12;
const TOKENS = 12;
const LEFT = 74;
const ROW = 22;
const WIDTH = LEFT + COLUMNS * SIDE + 6;
const TOP = ROWS * SIDE + 26;

export default {
  render({ model, el }) {
    const views = model.get("views");
    const start = model.get("start");
    const numbers = kit.numbers(["Slots read", "Loop has read", "Calls", "Counts and slots"]);
    const status = kit.status();
    const place = kit.html("div");
    const text = kit.choice({ label: "Text", options: model.get("texts"), value: start.text, onChange: restart });
    const gap = kit.choice({ label: "Spacing", options: model.get("gaps"), value: start.gap, onChange: () => draw() });
    const picture = kit.picture({ width: WIDTH, height: TOP + 13 * ROW + 6, label: "" });
    const tally = kit.picture({ width: WIDTH, height: 150, label: "" });
    const play = kit.play({ label: "Play", interval: 800, onTick: () => call.step(1) });
    let covered = null;
    let call = null;

    function restart() {
      if (call !== null) play.stop();
      const n = text.value.length;
      covered = kit.slider({ label: "Covered digit", min: 0, max: n, value: 0, onInput: () => draw(),
        format: (k) => (k === 0 ? "none" : String(k)) });
      call = kit.stepper({ label: "Call", min: 0, max: 6, value: n + 1, onChange: () => draw(), format: String });
      kit.clear(place).append(covered.el, call.el);
      draw();
    }

    function strip(found) {
      const shades = {};
      [...found.image].forEach((level, i) => {
        if (level === "0") return;
        const x = LEFT + (i % COLUMNS) * SIDE;
        const y = 4 + Math.floor(i / COLUMNS) * SIDE;
        shades[level] = `${shades[level] ?? ""}M${x} ${y}h${SIDE}v${SIDE}h${-SIDE}z`;
      });
      Object.entries(shades).forEach(([level, d]) =>
        picture.append(kit.svg("path", { d, style: { fill: "currentColor", fillOpacity: Number(level) / 9 } })));
      picture.append(kit.svg("rect", { x: LEFT, y: 4, width: COLUMNS * SIDE, height: ROWS * SIDE,
        style: { fill: "none", stroke: kit.colors.grey, strokeWidth: 1 } }));
    }

    /* One row a call or a slot; a darker cell is looked at more. */
    function looks(found, way, top, hue, rows) {
      const name = way === "loop" ? "loop" : "slots";
      picture.append(kit.svg("text", { x: LEFT, y: top - 6, style: { fill: kit.colors.text[hue] },
        text: way === "loop" ? `Loop: ${kit.plural(rows, "call")}` : `Slots: ${rows ? "one call" : "no call yet"}` }));
      const weights = found.looks[way === "loop" ? 1 : 0];
      for (let i = 0; i < rows; i += 1) {
        picture.append(kit.svg("text", { x: LEFT - 8, y: top + i * ROW + 16, "text-anchor": "end",
          text: `${way === "loop" ? "call" : "slot"} ${i + 1}: ${found[name][i]}` }));
        for (let j = 0; j < TOKENS; j += 1) {
          picture.append(kit.svg("rect", { x: LEFT + j * 4 * SIDE, y: top + i * ROW, width: 4 * SIDE - 1, height: ROW - 2,
            class: `pe-fill-${hue}`, "fill-opacity": 0.04 + 0.96 * (Number(weights[i * TOKENS + j]) / 9) }));
        }
      }
    }

    /* Predicted counts as bars, those of the text that was read as rings; which slots exist. */
    function bars(found, own) {
      kit.clear(tally);
      const step = 26;
      found.counts.forEach((n, i) => {
        const x = 8 + i * step;
        tally.append(kit.svg("rect", { x, y: 100 - 22 * n, width: 16, height: 22 * n, class: "pe-fill-green" }));
        if (own[i]) tally.append(kit.svg("rect", { x, y: 100 - 22 * own[i], width: 16, height: 22 * own[i],
          style: { fill: "none", stroke: "currentColor", strokeWidth: 1.5 } }));
        tally.append(kit.svg("text", { x: x + 8, y: 116, "text-anchor": "middle", class: "pe-axis", text: i ? String(i - 1) : "■" }));
      });
      tally.append(kit.svg("text", { x: 8, y: 138, text: "counts; outlined: as read" }));
      found.exist.forEach((share, i) => {
        const x = 318 + i * step;
        tally.append(kit.svg("rect", { x, y: 100 - 0.66 * share, width: 16, height: 0.66 * share, class: "pe-fill-purple" }));
        tally.append(kit.svg("text", { x: x + 8, y: 116, "text-anchor": "middle", class: "pe-axis", text: String(i + 1) }));
      });
      tally.append(kit.svg("text", { x: 318, y: 138, text: "slot exists" }));
    }

    const upToEnd = (read) => read.split("■")[0];

    function draw() {
      const found = views[`${text.value} ${gap.value} ${covered.value}`];
      const done = call.value;
      const slots = upToEnd(found.slots);
      const ends = Math.min(6, upToEnd(found.loop).length + 1);
      const rows = Math.min(done, ends);
      kit.clear(picture);
      strip(found);
      looks(found, "slots", TOP, "vermilion", done ? Math.min(6, slots.length + 1) : 0);
      looks(found, "loop", TOP + 7 * ROW, "blue", rows);
      const own = found.counts.map((_, i) => (i ? [...slots].filter((c) => c === String(i - 1)).length : 1));
      bars(found, own);
      const agree = own.every((n, i) => n === found.counts[i]);
      const heard = upToEnd(found.loop.slice(0, rows));
      numbers.set({ "Slots read": done ? slots : "–", "Loop has read": heard || "–",
        "Calls": `${Math.min(done, 1)} and ${rows}`, "Counts and slots": agree ? "agree" : "disagree" });
      const sentence = `Call ${done}: the slots have read ${done ? slots : "nothing"}, the loop ${heard || "nothing"}; `
        + `counts and slots ${agree ? "agree" : "disagree"}.`;
      status.say(sentence);
      picture.describe(`A strip with the digits ${text.value}. ${sentence}`);
      tally.describe(`Counts of the digits and shares of slots. ${agree ? "They agree" : "They disagree"} with what is read.`);
    }

    el.append(kit.controls(text, gap), kit.controls(place, play), picture, tally, numbers.el, status.el);
    restart();
  },
};
