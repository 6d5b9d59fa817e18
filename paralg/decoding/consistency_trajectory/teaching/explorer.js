/* Twelve cells of a small Sudoku in rounds of the reader's own, sampled live from the exact model in two orders;
 * below, an answer of random length that is decoded one token a round, with the factors of EOSER. */

const WIDTH = 640;
const CELLS = 12;
const COLUMNS = 5;
const GAMES = 400;
const LEFT = 70;
const STEP = 44;
const BARS = { top: 18, bottom: 138 };
const RATE = { left: 390, width: 170 };
const GRID = { top: 190, size: 30 };
const EOS = { L: 8, top: 26, cell: 38, row: 26, left: 180 };
const DIGITS = 1e12; // scores are compared after rounding, as in the library

const height = kit.linear([0, CELLS], [BARS.bottom, BARS.top]);

function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* ---- the exact model ---- */

/* Shares of the four symbols in a cell among the grids that are left; even where none is left. */
function shares(left, cell) {
  const count = [0, 0, 0, 0];
  for (const grid of left) count[grid[cell]] += 1;
  return count.map((n) => (left.length ? n / left.length : 0.25));
}

function draw(p, u) {
  let sum = 0;
  for (let v = 0; v < p.length; v += 1) {
    sum += p[v];
    if (u < sum) return v;
  }
  return p.lastIndexOf(Math.max(...p));
}

/* One game: which round each cell was revealed in, and whether the end is a grid. */
function play(grids, sizes, byConfidence, rng) {
  const target = grids[Math.floor(rng() * grids.length)];
  const order = Array.from({ length: 16 }, (_, i) => [rng(), i]).sort((a, b) => a[0] - b[0]).map(([, i]) => i);
  const x = new Array(16).fill(null);
  const round = new Array(16).fill(0);
  for (const i of order.slice(CELLS)) x[i] = target[i];
  let left = grids.filter((grid) => x.every((v, i) => v === null || v === grid[i]));
  sizes.forEach((size, s) => {
    const open = [];
    x.forEach((v, i) => {
      if (v !== null) return;
      const p = shares(left, i);
      const token = draw(p, rng());
      open.push({ i, token, score: byConfidence ? Math.round(p[token] * DIGITS) : 0, tie: rng() });
    });
    open.sort((a, b) => b.score - a.score || a.tie - b.tie);
    for (const { i, token } of open.slice(0, size)) {
      x[i] = token;
      round[i] = s + 1;
    }
    left = left.filter((grid) => x.every((v, i) => v === null || v === grid[i]));
  });
  return { x, round, valid: left.length === 1 };
}

/* ---- the length model: content at the first open place, or EOS at the last, whichever scores more ---- */

function fill(c, low) {
  const rows = [];
  let first = 0;
  let last = EOS.L;
  for (let s = 0; s < EOS.L; s += 1) {
    const least = Math.max(first, 1);
    const n = last - least + 1;
    const gamma = low + ((1 - low) * s) / (EOS.L - 1);
    const end = ((last - least) / n) * gamma;
    const go = (last - Math.max(first + 1, least) + 1) / n / c;
    const ends = Math.round(end * DIGITS) > Math.round(go * DIGITS);
    if (first < last) {
      if (ends) last -= 1;
      else first += 1;
    }
    rows.push({ first, last });
    if (first >= last) break;
  }
  return rows;
}

export default {
  render({ model, el }) {
    const grids = model.get("grids").map((text) => [...text].map(Number));
    let seed = 1;

    const picture = kit.picture({ width: WIDTH, height: 320, label: "" });
    const numbers = kit.numbers(["Rounds", "Forwards saved", "Valid, by confidence", "Valid, random order"]);
    const status = kit.status();
    const bars = kit.bars({
      model, name: "sizes", presets: model.get("presets"), presetLabel: "Schedule", picture,
      columns: { left: LEFT, step: STEP, count: COLUMNS, foot: BARS.bottom + 20 },
      heights: { at: [BARS.bottom, BARS.top], from: 0, to: CELLS },
      token: { label: "Round", value: 1 }, size: { label: "Cells in it", step: 1 }, onChange: show,
    });
    const again = kit.button({ label: "Other games", onClick: () => { seed += 1; show(); } });

    /* Sizes as the decoder takes them: cut where twelve cells are used up, the rest in a last round. */
    function schedule() {
      let open = CELLS;
      const cut = bars.values.map((size) => {
        const taken = Math.min(size, open);
        open -= taken;
        return taken;
      });
      return { cut, rest: open, sizes: [...cut, open].filter((size) => size > 0) };
    }

    function show() {
      const { cut, rest, sizes } = schedule();
      const found = [true, false].map((byConfidence) => {
        const rng = random(seed * 7919 + (byConfidence ? 1 : 2));
        const games = Array.from({ length: GAMES }, () => play(grids, sizes, byConfidence, rng));
        return { first: games[0], rate: games.filter((game) => game.valid).length / GAMES };
      });
      kit.clear(picture);
      [...cut, rest].forEach((size, r) => column(size, r, sizes));
      kit.axis(picture, { side: "left", at: LEFT, from: BARS.bottom, to: BARS.top, scale: height, values: [0, 4, 8, 12], label: "cells" });
      found.forEach(({ rate, first }, k) => {
        bar(rate, k);
        grid(first, k);
      });
      const [confidence, shuffled] = found.map(({ rate }) => rate);
      numbers.set({ Rounds: sizes.length, "Forwards saved": `${CELLS - sizes.length} of ${CELLS}`,
        "Valid, by confidence": kit.percent(confidence, 2), "Valid, random order": kit.percent(shuffled, 2) });
      const words = `${sizes.join(", ")}: ${kit.percent(confidence, 2)} valid by confidence, ${kit.percent(shuffled, 2)} in random order`;
      status.say(`${words} (${GAMES} games each, ± 5 points at most).`);
      picture.describe(`Rounds ${words}.`);
    }

    function column(size, r) {
      const x = LEFT + r * STEP;
      const chosen = r === bars.chosen;
      picture.append(kit.svg("rect", { x: x + 6, y: height(size), width: STEP - 12, height: BARS.bottom - height(size),
        class: r < COLUMNS ? "pe-fill-sky" : "pe-fill-grey", "fill-opacity": chosen ? 1 : 0.55 }));
      picture.append(kit.svg("text", { x: x + STEP / 2, y: height(size) - 4, "text-anchor": "middle", text: size || "" }));
      picture.append(kit.svg("text", { x: x + STEP / 2, y: BARS.bottom + 16, "text-anchor": "middle", class: "pe-axis",
        text: r < COLUMNS ? r + 1 : "rest" }));
    }

    function bar(rate, k) {
      const y = 40 + k * 52;
      const hue = ["blue", "vermilion"][k];
      picture.append(kit.svg("text", { x: RATE.left, y: y - 6, style: { fill: kit.colors.text[hue] },
        text: ["by confidence", "random order"][k] }));
      picture.append(kit.svg("rect", { x: RATE.left, y, width: RATE.width, height: 18, class: "pe-fill-none",
        stroke: kit.colors.grey, "stroke-width": 1 }));
      picture.append(kit.svg("rect", { x: RATE.left, y, width: RATE.width * rate, height: 18, class: `pe-fill-${hue}` }));
      picture.append(kit.svg("text", { x: RATE.left + RATE.width + 8, y: y + 14, text: kit.percent(rate, 2) }));
    }

    /* The first game: a cell holds the number of its round; given cells are grey. */
    function grid(game, k) {
      const left = LEFT + k * 300;
      const word = `${["by confidence", "random order"][k]}: ${game.valid ? "valid" : "broken"}`;
      picture.append(kit.svg("text", { x: left, y: GRID.top - 8, text: word }));
      game.round.forEach((r, i) => {
        const x = left + (i % 4) * GRID.size;
        const y = GRID.top + Math.floor(i / 4) * GRID.size;
        picture.append(kit.svg("rect", { x, y, width: GRID.size, height: GRID.size, stroke: kit.colors.grey, "stroke-width": 1,
          class: r === 0 ? "pe-fill-grey" : `pe-fill-${["blue", "vermilion"][k]}`, "fill-opacity": r === 0 ? 0.25 : 0.08 + 0.09 * r }));
        picture.append(kit.svg("text", { x: x + GRID.size / 2, y: y + 20, "text-anchor": "middle", text: r || "" }));
      });
    }

    const answer = kit.picture({ width: WIDTH, height: EOS.top + EOS.L * EOS.row + 8, label: "" });
    const low = kit.slider({ label: "First factor γ", min: 0.01, max: 1, step: 0.01, value: 0.4, onInput: ends,
      format: (x) => x.toFixed(2) });
    const content = kit.slider({ label: "Content tokens c", min: 2, max: 10, value: 2, onInput: ends });
    const told = kit.status();

    function ends() {
      const rows = fill(content.value, low.value);
      kit.clear(answer);
      for (let i = 0; i < EOS.L; i += 1) {
        answer.append(kit.svg("text", { x: EOS.left + (i + 0.5) * EOS.cell, y: EOS.top - 8, "text-anchor": "middle",
          class: "pe-axis", text: i + 1 }));
      }
      rows.forEach(({ first, last }, s) => {
        const y = EOS.top + s * EOS.row;
        answer.append(kit.svg("text", { x: EOS.left - 10, y: y + 17, "text-anchor": "end", text: `round ${s + 1}` }));
        for (let i = 0; i < EOS.L; i += 1) {
          const kind = i < first ? "content" : i >= last ? "EOS" : "mask";
          answer.append(kit.svg("rect", { x: EOS.left + i * EOS.cell + 1, y: y + 1, width: EOS.cell - 2, height: EOS.row - 2,
            rx: 3, stroke: kit.colors.grey, "stroke-width": 1, "data-kind": kind, "fill-opacity": 0.4,
            class: { content: "pe-fill-green", EOS: "pe-fill-orange", mask: "pe-fill-none" }[kind] }));
          answer.append(kit.svg("text", { x: EOS.left + (i + 0.5) * EOS.cell, y: y + 17, "text-anchor": "middle",
            text: { content: "a", EOS: "■", mask: "" }[kind] }));
        }
      });
      const { first } = rows[rows.length - 1];
      const words = `Decoded: ${kit.plural(first, "token")} of content, then EOS; the lengths of the model average 4.5`;
      told.say(`${words}.`);
      answer.describe(`An answer of eight places, round by round: ${words}.`);
    }

    show();
    ends();
    el.append(kit.controls(...bars.controls, again), picture, numbers.el, status.el,
      kit.controls(low, content), answer, told.el);
  },
};
