/* The draft tree of every step, recorded on held-out text: prompt, drafter, budget, top-p, ratio. */

const WIDTH = 420;
const COLUMN = 104;
const ROW = 46;
const LEFT = 34;
const TOP = 26;
const BOX = 26;

const shown = (character) => (character === " " ? "␣" : character);

/* Leaves on rows, parents between their children; returns [column, row] of every node. */
function places(parents) {
  const all = [-1, ...parents];
  const children = all.map(() => []);
  all.forEach((parent, node) => { if (parent >= 0) children[parent].push(node); });
  const depth = all.map(() => 0);
  all.forEach((parent, node) => { if (parent >= 0) depth[node] = depth[parent] + 1; });
  const row = all.map(() => 0);
  let next = 0;
  const put = (node) => {
    children[node].forEach(put);
    const below = children[node].map((child) => row[child]);
    row[node] = below.length ? below.reduce((a, b) => a + b, 0) / below.length : next++;
  };
  put(0);
  return all.map((_, node) => [depth[node], row[node]]);
}

function edge([fromColumn, fromRow], [column, row], lit) {
  return kit.svg("line", { x1: LEFT + fromColumn * COLUMN + BOX / 2, y1: TOP + fromRow * ROW,
    x2: LEFT + column * COLUMN - BOX / 2, y2: TOP + row * ROW,
    style: { stroke: lit ? kit.colors.green : kit.colors.grey, strokeWidth: lit ? 3 : 1 } });
}

function box([column, row], character, percent, lit) {
  const x = LEFT + column * COLUMN;
  const y = TOP + row * ROW;
  const line = { fill: "none", stroke: lit ? kit.colors.green : kit.colors.grey, strokeWidth: lit ? 3 : 1 };
  const parts = [
    kit.svg("rect", { x: x - BOX / 2, y: y - BOX / 2, width: BOX, height: BOX, rx: 4, style: line }),
    kit.svg("text", { x, y: y + 5, "text-anchor": "middle", text: shown(character),
      style: { fontFamily: "monospace", fontWeight: lit ? "bold" : "normal" } }),
  ];
  if (percent !== undefined) {
    parts.push(kit.svg("text", { x, y: y + BOX / 2 + 13, "text-anchor": "middle",
      text: (percent / 100).toFixed(2).replace(/^0/, "") }));
  }
  return kit.svg("g", { "data-accepted": lit }, ...parts);
}

export default {
  render({ model, el }) {
    const films = model.get("films");
    const prompts = model.get("prompts");
    const start = model.get("start");
    const picture = kit.picture({ width: WIDTH, height: 2 * TOP + 3 * ROW, label: "" });
    const line = kit.html("p", { style: { fontFamily: "monospace", overflowWrap: "anywhere" } });
    const numbers = kit.numbers(["Calls", "Final characters", "Characters a call", "Accepted, expected"]);
    const status = kit.status();
    const pick = (label, options, value) => kit.choice({ label, options, value, onChange: restart });
    const prompt = pick("Prompt", prompts.map((text, i) => ({ value: String(i), label: `“${text.slice(-10)}”` })), "0");
    const drafter = pick("Heads", [{ value: "clover", label: "Clover" }, { value: "medusa", label: "Medusa" }], start.drafter);
    const budget = pick("Budget m", model.get("sizes"), start.m);
    const mass = pick("Top-p", model.get("masses"), start.mass);
    const ratio = pick("Drop below", model.get("ratios").map((value) => ({ value,
      label: Number(value) ? `${kit.number(Number(value))} of the best` : "nothing" })), start.ratio);
    const place = kit.html("div");
    const play = kit.play({ label: "Play", interval: 900, onTick: () => clock.step(1) });
    let clock = null;
    let film = null;

    function restart() {
      if (clock !== null) play.stop();
      film = films[[prompt.value, drafter.value, budget.value, mass.value, ratio.value].join(" ")];
      const rows = Math.max(...film.map((step) => Math.max(...places(step[1]).map(([, row]) => row))));
      picture.setAttribute("viewBox", `0 0 ${WIDTH} ${2 * TOP + rows * ROW}`);
      const best = film.reduce((top, step, i) => (step[3].length > film[top][3].length ? i : top), 0);
      const moment = Math.min(clock === null ? best : clock.value, film.length - 1);
      clock = kit.stepper({ label: "Step", min: 0, max: film.length - 1, value: moment, onChange: draw,
        format: (n) => `${n + 1} of ${film.length}` });
      kit.clear(place).append(clock.el);
      draw(moment);
    }

    function draw(n) {
      const [text, parents, percent, accepted] = film[n];
      const at = places(parents);
      const lit = (node) => node === 0 || accepted.includes(node);
      kit.clear(picture);
      parents.forEach((parent, i) => picture.append(edge(at[parent], at[i + 1], lit(i + 1))));
      at.forEach((where, node) => picture.append(box(where, text[node], percent[node - 1], lit(node))));
      report(n);
    }

    function report(n) {
      const before = film.slice(0, n).map(([text, , , accepted]) => [text[0], ...accepted.map((i) => text[i])].join(""));
      const [text, , percent, accepted] = film[n];
      kit.clear(line).append(`${prompts[Number(prompt.value)]}${before.join("")}`,
        kit.html("strong", { text: [text[0], ...accepted.map((i) => text[i])].join("") }));
      const done = film.slice(0, n + 1);
      const characters = done.reduce((sum, step) => sum + 1 + step[3].length, 1);
      const expected = percent.reduce((sum, one) => sum + one, 0) / 100;
      numbers.set({ "Calls": `${n + 2} with the prompt's`, "Final characters": `${Math.min(characters, 40)} of 40`,
        "Characters a call": kit.number(Math.min(characters, 40) / (n + 2)),
        "Accepted, expected": `${accepted.length}, ${kit.number(expected)}` });
      const sentence = `Step ${n + 1}: ${accepted.length} of ${kit.plural(percent.length, "draft")} accepted after “${shown(text[0])}”.`;
      status.say(sentence);
      picture.describe(sentence);
    }

    el.append(kit.controls(prompt, drafter), kit.controls(budget, mass, ratio), kit.controls(place, play),
      line, picture, numbers.el, status.el);
    restart();
  },
};
