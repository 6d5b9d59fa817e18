/* Any-subset speculation on the exact distribution of six-letter words: masks, drafts, verdicts, calls. */

const CELL = 50;
const LEFT = 58;
const TOP = 22;
const ROW = 46;
const BAR = 40;
const SIGHT = 16;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/* Random numbers in 0 … 1 that depend on the seed alone (mulberry32). */
function stream(seed) {
  let a = (seed * 0x9e3779b1) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* p(letter at i | the letters of x that are seen), as paralg.decoding.tables.WeightedSequences has it. */
function conditional(words, x, seen, i) {
  const mass = new Array(26).fill(0);
  let total = 0;
  for (const [word, weight] of words) {
    if (seen.some((j) => word[j] !== x[j])) continue;
    mass[ALPHABET.indexOf(word[i])] += weight;
    total += weight;
  }
  return total ? mass.map((m) => m / total) : mass.fill(1 / 26);
}

function draw(p, random) {
  let left = random() * p.reduce((a, b) => a + b);
  for (let v = 0; v < p.length; v += 1) {
    left -= p[v];
    if (left < 0 && p[v] > 0) return v;
  }
  return p.reduce((last, m, v) => (m > 0 ? v : last), 0);
}

/* All rounds of a run. A draft is {i, token, q, p, look, final}. */
function decode(words, given, k, random) {
  const x = given.slice();
  const order = x.flatMap((letter, i) => (letter === null ? [i] : []));
  const rounds = [];
  let n = 0;
  while (n < order.length) {
    const known = x.flatMap((letter, i) => (letter === null ? [] : [i]));
    const at = order.slice(n, n + k);
    const laws = at.map((i) => conditional(words, x, known, i));
    const drafts = laws.map((q) => draw(q, random));
    const y = x.slice();
    const lone = n === order.length - 1;
    const round = { before: x.slice(), at, known, calls: lone ? 1 : 2, drafts: [] };
    let open = true;
    at.forEach((i, j) => {
      const p = conditional(words, y, [...known, ...at.slice(0, j)], i);
      const token = drafts[j];
      const one = { i, token: ALPHABET[token], q: laws[j][token], p: p[token], look: "forgotten" };
      y[i] = ALPHABET[token];
      if (open) {
        const kept = j === 0 || random() < one.p / one.q;
        one.look = kept ? "kept" : "replaced";
        one.final = kept ? one.token : ALPHABET[draw(p.map((m, v) => Math.max(0, m - laws[j][v])), random)];
        x[i] = one.final;
        open = kept;
        n += 1;
      }
      round.drafts.push(one);
    });
    round.after = x.slice();
    rounds.push(round);
  }
  return rounds;
}

const edge = (hue, strokeWidth, strokeDasharray) => ({ fill: "none", stroke: kit.colors[hue], strokeWidth, strokeDasharray });
const LOOKS = {
  given: { class: "pe-fill-grey", "fill-opacity": 0.45 },
  known: { class: "pe-fill-grey", "fill-opacity": 0.18 },
  open: { style: edge("grey", 1, "2 3") },
  drafted: { style: edge("vermilion", 2) },
  kept: { style: edge("green", 3) },
  replaced: { style: edge("orange", 3, "7 3") },
  forgotten: { style: edge("grey", 1.5, "2 3") },
};

function cell(i, y, text, look, onClick) {
  const x = LEFT + i * CELL;
  return kit.svg("g", { "data-look": look, onClick, style: onClick ? "cursor:pointer" : undefined },
    kit.svg("rect", { x: x + 2, y, width: CELL - 4, height: 34, rx: 4, "pointer-events": "all", ...LOOKS[look] }),
    kit.svg("text", { x: x + CELL / 2, y: y + 23, "text-anchor": "middle", "font-size": 18, text }));
}

const words = (x, y, text, anchor = "end", size = 12) => kit.svg("text", { x, y, "text-anchor": anchor, "font-size": size, text });

/* Who sees whom: one row for each target, one column for each letter. */
function sight(x0, y0, title, round, sees, hue) {
  const group = kit.svg("g", { "data-mask": title }, words(x0, y0 - 7, title, "start"));
  round.at.forEach((i, row) => {
    const y = y0 + row * SIGHT;
    for (let j = 0; j < 6; j += 1) {
      const on = sees(j, row);
      group.append(kit.svg("rect", { x: x0 + j * SIGHT, y, width: SIGHT - 2, height: SIGHT - 2, "data-on": on ? "1" : "0",
        class: on ? `pe-fill-${hue}` : "pe-fill-grey", "fill-opacity": on ? 0.9 : 0.15 }));
    }
    group.append(words(x0 + 6 * SIGHT + 6, y + 10, `letter ${i + 1}`, "start", 11));
  });
  return group;
}

export default {
  render({ model, el }) {
    const table = Object.entries(model.get("words"));
    const targets = model.get("targets");
    const start = model.get("start");
    let rounds = [];
    let at = 0;
    const HEIGHT = TOP + 3 * ROW + BAR + 26 + 6 * SIGHT + 16;
    const picture = kit.picture({ width: LEFT + 6 * CELL + 8, height: HEIGHT, label: "" });
    const numbers = kit.numbers(["Calls", "Bound", "Letters written", "Tokens a round"]);
    const status = kit.status();
    const word = kit.stepper({ label: "Word", min: 0, max: targets.length - 1, value: targets.indexOf(start.word),
      onChange: restart, format: (n) => targets[n] });
    const k = kit.slider({ label: "Targets k", min: 1, max: 6, value: start.k, onInput: restart });
    const seed = kit.stepper({ label: "Seed", min: 0, max: 99, value: start.seed, onChange: restart });
    const gives = [1, 2, 3, 4, 5, 6].map((n) => kit.toggle({ label: `Give ${n}`, value: start.given.includes(n - 1),
      onChange: restart }));
    const place = kit.html("div");

    function restart() {
      const given = [...targets[word.value]].map((letter, i) => (gives[i].value ? letter : null));
      rounds = decode(table, given, k.value, stream(seed.value));
      at = 0;
      const stepper = kit.stepper({ label: "Round", min: 1, max: Math.max(rounds.length, 1), value: 1,
        onChange: (n) => { at = n - 1; show(); } });
      kit.clear(place).append(stepper.el);
      show();
    }

    const flip = (i) => { gives[i].set(!gives[i].value, { quiet: true }); restart(); };

    function show() {
      kit.clear(picture);
      const now = rounds[at];
      const before = now ? now.before : [...targets[word.value]];
      picture.append(words(LEFT - 8, TOP + 22, "known"));
      before.forEach((letter, i) => {
        const look = gives[i].value ? "given" : letter === null ? "open" : "known";
        picture.append(cell(i, TOP, letter === null ? "?" : letter, look, () => flip(i)));
      });
      if (now) detail(now);
      report(now);
    }

    function detail(now) {
      const rows = [TOP + ROW, TOP + 2 * ROW, TOP + 2 * ROW + BAR];
      picture.append(words(LEFT - 8, rows[0] + 22, "draft"), words(LEFT - 8, rows[1] + 10, "q"),
        words(LEFT - 8, rows[1] + 26, "p"), words(LEFT - 8, rows[2] + 22, "after"));
      const length = kit.linear([0, 1], [0, CELL - 8]);
      now.drafts.forEach((one) => {
        const x = LEFT + one.i * CELL;
        picture.append(cell(one.i, rows[0], one.token, "drafted"));
        [[one.q, 0, "blue"], [one.p, 16, "vermilion"]].forEach(([value, down, hue]) => {
          picture.append(kit.svg("rect", { x: x + 4, y: rows[1] + down, width: length(value), height: 12,
            class: `pe-fill-${hue}`, "fill-opacity": 0.35 }),
            words(x + CELL / 2, rows[1] + down + 10, kit.number(value, 2), "middle", 11));
        });
        picture.append(cell(one.i, rows[2], one.final || "?", one.look));
      });
      now.after.forEach((letter, i) => {
        if (!now.at.includes(i) && letter !== null) picture.append(cell(i, rows[2], letter, gives[i].value ? "given" : "known"));
      });
      const y = rows[2] + ROW + 22;
      picture.append(sight(LEFT - 50, y, "draft mask", now, (j) => now.known.includes(j), "blue"),
        sight(LEFT + 3 * CELL - 12, y, "density mask", now,
          (j, row) => now.known.includes(j) || now.at.indexOf(j) >= 0 && now.at.indexOf(j) < row, "vermilion"));
    }

    function report(now) {
      const done = rounds.slice(0, at + 1);
      const calls = done.reduce((sum, one) => sum + one.calls, 0);
      const all = rounds.reduce((sum, one) => sum + one.calls, 0);
      const unknown = gives.filter((one) => !one.value).length;
      const bound = k.value === 1 ? Math.max(2 * unknown - 1, 0) : unknown;
      const written = done.reduce((sum, one) => sum + one.drafts.filter((d) => d.final).length, 0);
      numbers.set({ Calls: `${calls} of ${all}`, Bound: bound, "Letters written": `${written} of ${unknown}`,
        "Tokens a round": rounds.length ? kit.number(unknown / rounds.length) : "–" });
      status.say(now ? sentence(now) : "All letters are given: nothing to do.");
      picture.describe(now ? sentence(now) : "All letters are given.");
    }

    function sentence(now) {
      const kept = now.drafts.filter((one) => one.look === "kept").length;
      const bad = now.drafts.find((one) => one.look === "replaced");
      const rest = now.drafts.filter((one) => one.look === "forgotten").length;
      const change = bad ? `; ${bad.token} becomes ${bad.final}` : "";
      const left = rest ? `; ${kit.plural(rest, "draft")} forgotten` : "";
      const end = at === rounds.length - 1 ? ` The word is ${now.after.join("")}.` : "";
      return `Round ${at + 1} of ${rounds.length}: ${kept} of ${kit.plural(now.at.length, "draft")} kept${change}${left}.${end}`;
    }

    el.append(kit.controls(word, k), kit.controls(...gives), kit.controls(seed, place), picture, numbers.el, status.el);
    restart();
  },
};
