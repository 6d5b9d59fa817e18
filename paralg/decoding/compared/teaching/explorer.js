/* Two decoders on one prompt: what every forward committed, and what it refused. */

const WIDTH = 680;
const LEFT = 30; // room for the numbers of the rows
const GAP = 30;
const TOP = 64;
const PANEL = (WIDTH - 2 * LEFT - GAP) / 2;
const [MASKED, GIVEN, KEPT, NEW, REFUSED] = "01234";

const LOOKS = {
  [MASKED]: { class: "pe-fill-none", stroke: kit.colors.grey, "stroke-opacity": 0.35 },
  [GIVEN]: { class: "pe-fill-grey", "fill-opacity": 0.35 },
  [KEPT]: { class: "pe-fill-sky", "fill-opacity": 0.4 },
  [NEW]: { class: "pe-fill-vermilion", "fill-opacity": 0.4, stroke: kit.colors.vermilion, "stroke-width": 1.5 },
  [REFUSED]: { class: "pe-fill-none", stroke: kit.colors.grey, "stroke-dasharray": "3 2" },
};

const sum = (values) => values.reduce((a, b) => a + b, 0);

/* One cell: its token when it is written now or given, a cross when a guess was refused. */
function cell(x, y, size, code, symbol) {
  const group = kit.svg("g", { "data-code": code },
    kit.svg("rect", { x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 2, ...LOOKS[code] }));
  const words = code === REFUSED ? "×" : code === MASKED ? "" : symbol;
  if (words.trim()) {
    const small = size > 12 ? null : { fontSize: `${size}px` };
    const base = y + size / 2 + (small ? size / 3 : 4.5);
    group.append(kit.svg("text", { x: x + size / 2, y: base, "text-anchor": "middle", text: words, style: small }));
  }
  return group;
}

/* One decoder: its name, the sequence as it stands, and the forwards so far. */
function panel(method, x, size, moment) {
  const group = kit.svg("g", { "data-method": method.name });
  const done = Math.min(moment, method.codes.length);
  group.append(kit.svg("text", { x, y: 16, text: method.name, "font-weight": "bold" }));
  const now = done ? method.codes[done - 1] : method.codes[0].replace(/[234]/g, MASKED);
  [...now].forEach((code, i) => group.append(cell(x + i * size, 28, size, code === NEW ? KEPT : code === REFUSED ? MASKED
    : code, method.tokens[i])));
  for (let r = 0; r < done; r += 1) {
    const y = TOP + r * size;
    if (r % 4 === 0 || size > 12) {
      group.append(kit.svg("text", { x: x - 6, y: y + size / 2 + 4.5, "text-anchor": "end", class: "pe-axis", text: r + 1 }));
    }
    [...method.codes[r]].forEach((code, i) => group.append(cell(x + i * size, y, size, code,
      code === NEW ? method.tokens[i] : "")));
  }
  return group;
}

export default {
  render({ model, el }) {
    const tasks = model.get("tasks");
    const start = model.get("start");
    const picture = kit.picture({ width: WIDTH, height: 10, label: "" });
    const numbers = kit.numbers(["Forwards", "Rows", "Positions", "Committed"]);
    const status = kit.status();
    const place = kit.html("div");
    let [left, right, clock] = [null, null, null];
    const task = kit.choice({ label: "Task", value: start.task, onChange: choose,
      options: tasks.map(({ name }, value) => ({ value, label: name })) });
    const play = kit.play({ label: "Play", interval: 700, onTick: tick });

    /* From the end it begins again; reaching the end stops it. */
    function tick() {
      const end = Number(clock.input.max);
      if (clock.value === end) clock.set(0);
      return clock.step(1) && clock.value < end;
    }

    const methods = () => tasks[task.value].methods;
    const index = (name, other) => {
      const at = methods().findIndex((one) => one.name === name);
      return at < 0 ? other : at;
    };
    const shown = () => [methods()[left.value], methods()[right.value]];

    /* Another task has other methods: the same ones stay chosen where they can. */
    function choose() {
      const names = left ? [left.name, right.name] : [start.left, start.right];
      const stepper = (label, value) => {
        const one = kit.stepper({ label, min: 0, max: methods().length - 1, value, onChange: restart,
          format: (k) => methods()[k].name });
        return Object.defineProperty(one, "name", { get: () => methods()[one.value].name });
      };
      const last = methods().length - 1;
      const kept = names.map((name, k) => index(name, Math.min(k, last)));
      left = stepper("Left", kept[0]);
      right = stepper("Right", kept[1]);
      restart();
    }

    function restart() {
      play.stop();
      const longest = Math.max(...shown().map((one) => one.codes.length));
      clock = kit.slider({ label: "Moment", min: 0, max: longest, value: longest, onInput: draw,
        format: (m) => `${m} of ${longest}` });
      kit.clear(place).append(kit.controls(left, right), kit.controls(clock, play));
      draw(longest);
    }

    function draw(moment) {
      const both = shown();
      const size = Math.min(20, PANEL / both[0].tokens.length);
      const longest = Math.max(...both.map((one) => one.codes.length));
      kit.clear(picture);
      picture.setAttribute("viewBox", `0 0 ${WIDTH} ${TOP + longest * size + 6}`);
      both.forEach((method, k) => picture.append(panel(method, LEFT + k * (PANEL + GAP + LEFT), size, moment)));
      report(both, moment);
    }

    function report(both, moment) {
      const pair = (of) => both.map(of).join(" | ");
      const part = (key) => pair((one) => `${kit.number(sum(one[key].slice(0, moment)))} of ${kit.number(sum(one[key]))}`);
      numbers.set({ "Forwards": pair((one) => `${Math.min(moment, one.codes.length)} of ${one.codes.length}`),
        "Rows": part("rows"), "Positions": part("positions"), "Committed": part("committed") });
      const words = both.map((one) => told(one, moment)).join(" ");
      status.say(words);
      picture.describe(`Forwards against positions. ${words}`);
    }

    function told(method, moment) {
      const n = method.codes.length;
      if (moment >= n) return `${method.name}: done after ${kit.plural(n, "forward")} of ${kit.plural(sum(method.rows), "row")}.`;
      if (moment === 0) return `${method.name}: nothing written yet.`;
      return `${method.name}: forward ${moment} commits ${kit.plural(method.committed[moment - 1], "token")}.`;
    }

    el.append(kit.controls(task), place, picture, numbers.el, status.el);
    choose();
  },
};
