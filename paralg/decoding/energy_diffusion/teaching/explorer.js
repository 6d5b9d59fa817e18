/* Two coupled words: guesses, energy, what is kept of k, target. And a puzzle's recorded candidates. */

const BOX = 74;
const SIDE = 4;
const CELL = 34;
const SMALL = 15;
const STEP = 0.1;

/* Probability of each candidate to be kept of k: the integral over s, on an even grid of log s. */
function keptOf(mu, w, k) {
  const top = Math.max(...w);
  const least = Math.min(...w.filter((one) => one > 0));
  const impossible = mu.reduce((sum, m, i) => sum + (w[i] > 0 ? 0 : m), 0);
  const found = mu.map((m, i) => (w[i] > 0 ? 0 : m * impossible ** (k - 1)));
  for (let u = -38 - Math.log(top); u < 5 - Math.log(least); u += STEP) {
    const s = Math.exp(u);
    const phi = mu.reduce((sum, m, i) => sum + m * Math.exp(-w[i] * s), 0);
    w.forEach((one, i) => { if (one > 0) found[i] += STEP * k * mu[i] * one * Math.exp(-one * s) * s * phi ** (k - 1); });
  }
  return found;
}

function pairsOf(first, { coupling, k, temperature, released }) {
  const mu = [0, 1, 2, 3].map((n) => first[n >> 1] * first[n & 1]);
  const q = mu.map((m, n) => (1 - coupling) * m + coupling * ((n >> 1) === (n & 1) ? first[n & 1] : 0));
  const energy = mu.map((m, n) => Math.log(m / q[n]));
  const sign = released ? 1 : -1;
  const w = energy.map((e) => (Number.isFinite(e) ? Math.exp(sign * e / temperature) : 0));
  const kept = keptOf(mu, w, k);
  return { mu, q, energy, kept, gap: kept.reduce((sum, p, n) => sum + Math.abs(p - q[n]) / 2, 0),
    nats: q.reduce((sum, p, n) => sum + (p > 0 ? p * Math.log(p / mu[n]) : 0), 0) };
}

function map(words, values, title, x, y, { hue, most, text }) {
  const group = kit.svg("g", {}, kit.svg("text", { x: x + BOX, y: y - 8, "text-anchor": "middle", text: title }));
  values.forEach((value, n) => {
    const left = x + (n & 1) * BOX;
    const up = y + (n >> 1) * 40;
    const share = Math.min(1, Math.max(0, value / most));
    group.append(kit.svg("rect", { x: left, y: up, width: BOX - 2, height: 38,
      style: { fill: kit.colors[hue], fillOpacity: 0.06 + 0.5 * share, stroke: kit.colors.grey, strokeWidth: 0.6 } }),
    kit.svg("text", { x: left + BOX / 2, y: up + 24, "text-anchor": "middle", text: text(value) }));
  });
  words[1].forEach((word, j) => group.append(kit.svg("text", { x: x + j * BOX + BOX / 2, y: y + 94, "text-anchor": "middle", text: word })));
  return group;
}

/* The grid before round n of a film, and after its last. */
function gridAt(film, n) {
  const grid = film.start.slice();
  film.rounds.slice(0, n).forEach((round) => round.shown.forEach(([at, token]) => { grid[at] = token; }));
  return grid;
}

function sudoku(grid, x, y, size, look) {
  const group = kit.svg("g", {});
  grid.forEach((token, i) => {
    const left = x + (i % SIDE) * size;
    const up = y + Math.floor(i / SIDE) * size;
    const { hue, strong, faint } = look(i);
    group.append(kit.svg("rect", { x: left + 1, y: up + 1, width: size - 2, height: size - 2,
      style: { fill: strong ? kit.colors[hue] : "none", fillOpacity: 0.35, stroke: kit.colors[hue], strokeWidth: strong ? 1.5 : 0.6 } }));
    if (token < SIDE) {
      group.append(kit.svg("text", { x: left + size / 2, y: up + size / 2 + (size > 20 ? 5 : 4), "text-anchor": "middle",
        style: { fontSize: size > 20 ? "14px" : "11px", opacity: faint ? 0.55 : 1 }, text: token + 1 }));
    }
  });
  return group;
}

export default {
  render({ model, el }) {
    const first = model.get("first");
    const words = model.get("words");
    const films = model.get("films");
    const start = model.get("start");
    const width = 400;
    const picture = kit.picture({ width, height: 296, label: "" });
    const status = kit.status();
    const place = kit.html("div");
    const below = kit.html("div");
    const view = kit.choice({ label: "Show", options: [{ value: "words", label: "Two words" },
      { value: "puzzle", label: "A puzzle" }], value: "words", onChange: open });

    function open(which) {
      kit.clear(place);
      kit.clear(below);
      (which === "words" ? showWords : showPuzzle)();
    }

    function say(text) {
      status.say(text);
      picture.describe(text);
    }

    function showWords() {
      const numbers = kit.numbers(["Calls", "Rows", "Mismatched pairs", "TV to the target", "Dependence"]);
      const coupling = kit.slider({ label: "Coupling", min: 0, max: 1, step: 0.05, value: start.coupling, onInput: draw,
        format: (value) => kit.number(value, 2) });
      const k = kit.choice({ label: "Candidates k", options: [1, 2, 4, 8, 16, 64], value: start.k, onChange: draw });
      const temperature = kit.choice({ label: "Temperature", options: [0.25, 0.5, 1, 2], value: start.temperature, onChange: draw });
      const released = kit.toggle({ label: "Sign of the released code", value: start.released, onChange: draw });

      function draw() {
        const settings = { coupling: Number(coupling.value), k: Number(k.value), temperature: Number(temperature.value),
          released: released.value };
        const { mu, q, energy, kept, gap, nats } = pairsOf(first, settings);
        const look = { hue: "blue", most: 0.6, text: (p) => kit.number(p, 2) };
        kit.clear(picture).append(
          map(words, mu, "guesses μ", 64, 24, look),
          map(words, energy, "energy E", 236, 24, { hue: "orange", most: 3, text: (e) => (Number.isFinite(e) ? e.toFixed(2).replace("-", "−") : "∞") }),
          map(words, kept, `kept of ${settings.k}`, 64, 164, { ...look, hue: "vermilion" }),
          map(words, q, "target q", 236, 164, { ...look, hue: "green" }));
        [24, 164].forEach((up) => words[0].forEach((word, i) => picture.append(
          kit.svg("text", { x: 58, y: up + i * 40 + 24, "text-anchor": "end", text: word }))));
        const off = kept[1] + kept[2];
        numbers.set({ "Calls": settings.k === 1 ? 1 : 2, "Rows": settings.k === 1 ? 1 : 1 + settings.k, "Mismatched pairs": kit.percent(off),
          "TV to the target": kit.number(gap, 2), "Dependence": `${kit.number(nats, 2)} nats` });
        const most = settings.released ? " With the wrong sign the unlikely pairs win." : "";
        say(`${kit.plural(settings.k, "candidate")}: ${kit.percent(off, 2)} mismatched pairs, ${kit.number(gap, 2)} from the target.${most}`);
      }
      place.append(kit.controls(coupling, released), kit.controls(k, temperature));
      below.append(numbers.el);
      draw();
    }

    function showPuzzle() {
      const numbers = kit.numbers(["Calls", "Rows", "Cells known", "Effective candidates"]);
      const names = [...new Set(Object.keys(films).map((key) => key.split(" ")[0]))];
      const puzzle = kit.choice({ label: "Puzzle", options: names, value: names[0], onChange: restart });
      const k = kit.choice({ label: "Candidates k", options: [1, 4, 8], value: 8, onChange: restart });
      const steps = kit.html("div");
      let film = null;

      function restart() {
        film = films[`${puzzle.value} ${k.value}`];
        const clock = kit.stepper({ label: "Step", min: 0, max: film.rounds.length, value: 0, onChange: draw,
          format: (n) => (n === film.rounds.length ? "end" : `${n + 1} of ${film.rounds.length}`) });
        kit.clear(steps).append(clock.el);
        draw(0);
      }

      function draw(n) {
        const before = gridAt(film, n);
        const round = film.rounds[n];
        const shown = new Set(round ? round.shown.map(([at]) => at) : []);
        const after = gridAt(film, n + 1);
        kit.clear(picture).append(
          kit.svg("text", { x: 12 + SIDE * CELL / 2, y: 20, "text-anchor": "middle", text: round ? "after this step" : "the end" }),
          sudoku(round ? after : before, 12, 28, CELL, (i) => ({ hue: shown.has(i) ? "green" : "grey", strong: shown.has(i) || film.start[i] < SIDE,
            faint: false })));
        const masked = before.map((token, i) => (token < SIDE ? -1 : i)).filter((i) => i >= 0);
        (round ? round.rows : []).forEach(([tokens, weight], row) => {
          const grid = before.slice();
          masked.forEach((at, j) => { grid[at] = Number(tokens[j]); });
          const x = 172 + (row % 3) * 76;
          const y = 24 + Math.floor(row / 3) * 92;
          const kept = row === round.kept;
          picture.append(sudoku(grid, x, y, SMALL, (i) => ({ hue: kept ? (shown.has(i) ? "green" : "vermilion") : "grey",
            strong: kept && shown.has(i), faint: before[i] < SIDE })),
          kit.svg("rect", { x, y: y + 64, width: Math.max(1, 60 * weight), height: 5, style: { fill: kit.colors[kept ? "vermilion" : "grey"] } }),
          kit.svg("text", { x: x + 30, y: y - 5, "text-anchor": "middle", style: { fontSize: "11px" },
            text: `${kit.percent(weight, 2)}${kept ? ", kept" : ""}` }));
        });
        report(n, round);
      }

      function report(n, round) {
        const calls = film.rounds.slice(0, n + 1).reduce((sum, one) => sum + (one.rows.length ? 2 : 1), 0);
        const rows = film.rounds.slice(0, n + 1).reduce((sum, one) => sum + 1 + one.rows.length, 0);
        const square = round ? round.rows.reduce((sum, [, weight]) => sum + weight * weight, 0) : 0;
        numbers.set({ "Calls": calls, "Rows": rows, "Cells known": gridAt(film, n + 1).filter((token) => token < SIDE).length,
          "Effective candidates": square > 0 ? kit.number(1 / square, 2) : "–" });
        if (!round) return say(`The end: the grid is ${film.valid ? "valid" : "not valid"}.`);
        const drawn = round.rows.length ? `${round.rows.length} candidates, number ${round.kept + 1} is kept` : "one candidate";
        return say(`Step ${n + 1}: ${drawn}; ${kit.plural(round.shown.length, "cell")} of it shown, the rest masked again.`);
      }
      place.append(kit.controls(puzzle, k), steps);
      below.append(numbers.el);
      restart();
    }

    el.append(kit.controls(view), place, picture, below, status.el);
    open("words");
  },
};
