/* A digit fills up forward by forward: recorded runs, chosen by window, top-K, initialiser, treatment. */

const SIDE = 8;
const CELL = 40;
const LEFT = 12;
const TOP = 12;

/* The rounds [first, sent, accepted, final] of a film, "sent,accepted,last final token …". */
function unfold(film) {
  let first = 0;
  return film.split(" ").map((one) => {
    const [sent, accepted, last] = one.split(",");
    const final = sent.slice(0, Number(accepted)) + last;
    first += final.length;
    return [first - final.length, sent, Number(accepted), final];
  });
}

/* What forward n did to each pixel. */
function stateOf(film, n) {
  const cells = new Array(SIDE * SIDE).fill(null);
  film.slice(0, n).forEach(([first, , , final]) => {
    [...final].forEach((level, j) => { cells[first + j] = { level, look: "final" }; });
  });
  if (n === film.length) return cells;
  const [first, sent, accepted, final] = film[n];
  [...sent].forEach((level, j) => { cells[first + j] = { level, look: "unreached" }; });
  [...final].forEach((level, j) => {
    const was = sent[j];
    const look = j < accepted ? "accepted" : "replaced";
    cells[first + j] = { level, look, was: look === "replaced" ? was : undefined };
  });
  return cells;
}

const edge = (hue, strokeWidth, strokeDasharray) => ({ fill: "none", stroke: kit.colors[hue], strokeWidth, strokeDasharray });
const LOOKS = {
  final: { fill: "none", stroke: "none" },
  accepted: edge("green", 3),
  replaced: edge("orange", 3, "7 3"),
  unreached: edge("grey", 1.5, "2 3"),
};

function cell(i, { level, look, was }) {
  const x = LEFT + (i % SIDE) * CELL;
  const y = TOP + Math.floor(i / SIDE) * CELL;
  const text = look === "replaced" && was !== undefined ? `${was}→${level}` : level;
  return kit.svg("g", { "data-look": look },
    kit.svg("rect", { x, y, width: CELL, height: CELL, class: "pe-fill-grey", "fill-opacity": 0.55 * level / 7 }),
    kit.svg("rect", { x: x + 3, y: y + 3, width: CELL - 6, height: CELL - 6, style: LOOKS[look] }),
    kit.svg("text", { x: x + CELL / 2, y: y + CELL / 2 + 5, "text-anchor": "middle", text }));
}

export default {
  render({ model, el }) {
    const films = model.get("films");
    const choices = model.get("choices");
    const start = model.get("start");
    const size = 2 * LEFT + SIDE * CELL;
    const picture = kit.picture({ width: size, height: 2 * TOP + SIDE * CELL, label: "" });
    const numbers = kit.numbers(["Forwards", "Final pixels", "Positions computed", "Pixels a forward"]);
    const status = kit.status();
    const pick = (name, label) => kit.choice({ label, options: choices[name], value: start[name], onChange: restart });
    const picks = { W: pick("W", "Drafts W"), K: pick("K", "Top-K"), kind: pick("kind", "First drafts"),
      treatment: pick("treatment", "Unreached drafts") };
    const place = kit.html("div");
    const play = kit.play({ label: "Play", interval: 700, onTick: () => clock.step(1) });
    let clock = null;
    let film = null;

    function restart() {
      if (clock !== null) play.stop();
      film = unfold(films[Object.values(picks).map((one) => one.value).join(" ")]);
      const moment = Math.min(clock === null ? Math.floor(film.length / 2) : clock.value, film.length);
      clock = kit.stepper({ label: "Forward", min: 0, max: film.length, value: moment, onChange: draw,
        format: (m) => (m === film.length ? "end" : `${m + 1} of ${film.length}`) });
      kit.clear(place).append(clock.el);
      draw(moment);
    }

    function draw(n) {
      kit.clear(picture);
      for (let i = 0; i < SIDE * SIDE; i += 1) {
        picture.append(kit.svg("rect", { x: LEFT + (i % SIDE) * CELL, y: TOP + Math.floor(i / SIDE) * CELL,
          width: CELL, height: CELL, style: { ...edge("grey", 1), strokeOpacity: 0.35 } }));
      }
      const cells = stateOf(film, n);
      cells.forEach((one, i) => { if (one !== null) picture.append(cell(i, one)); });
      report(n);
    }

    function report(n) {
      const done = film.slice(0, Math.min(n + 1, film.length));
      const pixels = done.reduce((sum, [, , , final]) => sum + final.length, 0);
      const positions = done.reduce((sum, [first, sent]) => sum + Math.min(sent.length + 1, 64 - first), 1);
      numbers.set({ "Forwards": `${done.length} of ${film.length}`, "Final pixels": `${pixels} of 64`,
        "Positions computed": positions, "Pixels a forward": kit.number(pixels / done.length) });
      const text = sentence(n);
      status.say(text);
      picture.describe(text);
    }

    function sentence(n) {
      if (n === film.length) return `Finished: ${kit.plural(film.length, "forward")} instead of 64.`;
      const [, sent, accepted, final] = film[n];
      const last = accepted < sent.length ? "the next one is replaced" : "one more comes for free";
      const ending = final.length > accepted ? `, ${last}` : "";
      const left = sent.length - final.length;
      const rest = left > 0 ? `; ${kit.plural(left, "draft")} not reached` : "";
      return `Forward ${n + 1}: ${accepted} of ${kit.plural(sent.length, "draft")} accepted${ending}${rest}.`;
    }

    el.append(kit.controls(picks.W, picks.K), kit.controls(picks.kind, picks.treatment), kit.controls(place, play),
      picture, numbers.el, status.el);
    restart();
  },
};
