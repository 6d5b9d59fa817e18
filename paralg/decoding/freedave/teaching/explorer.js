/* Draft and verify on a table given by a formula: every draft, its verdict, the jump, and what it cost. */

const WIDTH = 640;
const LEFT = 92;
const CELL = 44;
const ROW = 34;
const TOP = 26;
const LETTERS = "ABCDEFGH";
const DIGITS = 1e12; // confidences are compared after rounding, as in the library

/* ---- the model and the rule, as in paralg.decoding ---- */

function distribution(table, x, i) {
  const phase = 0.7131 * table.k;
  const logits = Array.from({ length: table.V }, (_, v) => {
    let logit = 2 * Math.sin(1.7 * v + 2.3 * i + phase);
    x.forEach((token, j) => {
      if (token === null || j === i) return;
      logit += table.eps * Math.sin(3.1 * (token + 1) * (j + 1) + 1.9 * (v + 1) * (i + 1) + phase);
    });
    return logit;
  });
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - top));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => Math.round((weight / total) * DIGITS) / DIGITS);
}

/* The masked positions, most confident first, each with its likeliest token. */
function ranked(table, x) {
  const found = [];
  x.forEach((token, i) => {
    if (token !== null) return;
    const p = distribution(table, x, i);
    const confidence = Math.max(...p);
    found.push({ i, token: p.indexOf(confidence), confidence });
  });
  return found.sort((a, b) => b.confidence - a.confidence || a.i - b.i);
}

const filled = (x, picks) => {
  const y = x.slice();
  for (const { i, token } of picks) y[i] = token;
  return y;
};
const step = (table, x, ranks = ranked(table, x)) => filled(x, ranks.slice(0, 1));
const same = (a, b) => a.every((token, i) => token === b[i]);

/* One forward a round: drafts, targets, and how many drafts are kept. */
function decode(table, d) {
  const T = table.L;
  const rounds = [];
  let x = new Array(T).fill(null);
  let stale = ranked(table, x);
  let t = 0;
  while (T - t > 1) {
    const drafts = Array.from({ length: Math.min(d, T - t) }, (_, j) => filled(x, stale.slice(0, j + 1)));
    const sent = drafts.filter((y) => y.includes(null)).length;
    const looked = drafts.map((y) => ranked(table, y));
    const targets = drafts.map((y, j) => step(table, y, looked[j]));
    const agrees = drafts.map((y, j) => j === 0 || same(y, targets[j - 1]));
    const kept = agrees.includes(false) ? agrees.indexOf(false) : drafts.length;
    rounds.push({ t, x, stale, drafts, targets, agrees, kept, sent });
    x = drafts[kept - 1];
    stale = looked[kept - 1];
    t += kept;
  }
  const free = T - t;
  return { rounds, end: free ? step(table, x, stale) : x, T, free, before: x };
}

/* ---- drawing ---- */

const letter = (token) => (token === null ? "·" : LETTERS[token]);

const edge = (hue, width, dash) => ({ fill: "none", stroke: kit.colors[hue], strokeWidth: width, strokeDasharray: dash });
const LOOKS = {
  mask: { class: "pe-fill-none", "stroke-opacity": 0.45 },
  known: { class: "pe-fill-grey", "fill-opacity": 0.22 },
  drafted: { style: edge("vermilion", 2) },
  kept: { class: "pe-fill-vermilion", "fill-opacity": 0.35, stroke: kit.colors.vermilion, "stroke-width": 2 },
  refused: { style: edge("grey", 1.5, "4 3") },
  differs: { class: "pe-fill-orange", "fill-opacity": 0.35, stroke: kit.colors.orange, "stroke-width": 2 },
};

function cell(column, y, text, look) {
  const x = LEFT + column * CELL;
  return kit.svg("g", { "data-look": look },
    kit.svg("rect", { x: x + 2, y: y + 2, width: CELL - 4, height: ROW - 4, rx: 4, ...LOOKS[look] }),
    kit.svg("text", { x: x + CELL / 2, y: y + ROW / 2 + 4.5, "text-anchor": "middle", text }));
}

const words = (x, y, text, anchor = "start") =>
  kit.svg("text", { x, y: y + ROW / 2 + 4.5, "text-anchor": anchor, text });

/* A draft's row. After verification a cell that differs from the target says "draft ≠ target". */
function draftRow(round, j, y, verified) {
  const draft = round.drafts[j];
  const target = j === 0 ? draft : round.targets[j - 1];
  const group = kit.svg("g", { "data-draft": j + 1 });
  group.append(words(LEFT - 12, y, `draft y${"₀₁₂₃₄₅₆₇₈₉"[j + 1]}`, "end"));
  draft.forEach((token, i) => {
    const differs = verified && token !== target[i];
    const text = differs ? `${letter(token)}≠${letter(target[i])}` : letter(token);
    group.append(cell(i, y, text, differs ? "differs" : lookOf(round, j, i, verified)));
  });
  group.append(words(LEFT + round.x.length * CELL + 8, y, verdict(round, j, verified)));
  return group;
}

function lookOf(round, j, i, verified) {
  if (round.drafts[j][i] === null) return "mask";
  if (round.x[i] !== null) return "known";
  if (!verified) return "drafted";
  return j < round.kept ? "kept" : "refused";
}

function verdict(round, j, verified) {
  const sent = j < round.sent ? "" : " (not sent)";
  if (j === 0) return `✓ certain${sent}`;
  if (!verified) return `?${sent}`;
  if (!round.agrees[j]) return `✗ differs${sent}`;
  return (j < round.kept ? "✓ agrees" : "✓ but too late") + sent;
}

/* The trajectory as an axis of steps, with the jumps made so far as arcs. */
function jumps(run, shown, y) {
  const scale = kit.linear([0, run.T], [LEFT, LEFT + run.T * CELL]);
  const group = kit.svg("g", { "aria-hidden": "true" });
  kit.axis(group, { side: "bottom", at: y, from: scale(0), to: scale(run.T), scale,
    values: Array.from({ length: run.T + 1 }, (_, t) => t), label: "steps of static decoding" });
  for (const { from, to, free } of shown) {
    const [a, b] = [scale(from), scale(to)];
    const height = 14 + 7 * (to - from);
    group.append(kit.svg("path", { d: `M ${a} ${y} Q ${(a + b) / 2} ${y - 2 * height} ${b} ${y}`,
      class: free ? "pe-line-grey" : "pe-line-vermilion", "stroke-width": 2.5,
      "stroke-dasharray": free ? "3 3" : null }));
    group.append(kit.svg("path", { d: `M ${b - 6} ${y - 9} L ${b} ${y} L ${b - 9} ${y - 4} Z`,
      class: free ? "pe-fill-grey" : "pe-fill-vermilion" }));
  }
  return group;
}

export default {
  render({ model, el }) {
    const { V, L } = model.get("size");
    const start = model.get("start");
    let run = null;

    const picture = kit.picture({ width: WIDTH, height: 10, label: "" });
    const numbers = kit.numbers(["Forwards", "Rows", "Committed", "Static forwards", "At least"]);
    const status = kit.status();
    const draft = kit.slider({ label: "Draft steps d", min: 1, max: 6, value: start.d, onInput: restart });
    const coupling = kit.slider({ label: "Coupling ε", min: 0, max: 1, step: 0.05, value: start.eps,
      onInput: restart, format: (x) => x.toFixed(2) });
    const table = kit.stepper({ label: "Table k", min: 0, max: 99, value: start.k, onChange: restart });
    let clock = null;
    const place = kit.html("div");
    const play = kit.play({ label: "Play", interval: 1400, onTick: () => clock.step(1) });

    /* Moment 0 is the first forward; round r is drafted at 2r - 1 and verified at 2r; then the end. */
    function restart() {
      if (clock !== null) play.stop();
      run = decode({ V, L, k: table.value, eps: coupling.value }, draft.value);
      const last = 2 * run.rounds.length + (run.free ? 1 : 0);
      const moment = Math.min(clock === null ? 2 : clock.value, last); // a slider keeps the moment
      clock = kit.stepper({ label: "Moment", min: 0, max: last, value: moment, onChange: draw,
        format: (m) => `${m} of ${last}` });
      kit.clear(place).append(clock.el);
      draw(moment);
    }

    function draw(moment) {
      const r = Math.ceil(moment / 2);
      const over = r > run.rounds.length;
      const round = run.rounds[Math.max(0, Math.min(r, run.rounds.length) - 1)];
      const verified = moment % 2 === 0 || over;
      const done = run.rounds.slice(0, over ? run.rounds.length : moment % 2 ? r - 1 : r);
      const shown = done.map((one) => ({ from: one.t, to: one.t + one.kept }));
      if (over) shown.push({ from: run.T - run.free, to: run.T, free: true });
      kit.clear(picture);
      const height = drawRows(moment, round, verified, over);
      picture.append(jumps(run, shown, height + 62));
      picture.setAttribute("viewBox", `0 0 ${WIDTH} ${height + 106}`);
      report(moment, round, done, over);
    }

    function drawRows(moment, round, verified, over) {
      for (let i = 0; i < L; i += 1) {
        picture.append(kit.svg("text", { x: LEFT + (i + 0.5) * CELL, y: TOP - 8, "text-anchor": "middle",
          class: "pe-axis", text: String(i) }));
      }
      const x = over ? run.end : moment === 0 ? run.rounds[0].x : round.x;
      const t = over ? run.T : moment === 0 ? 0 : round.t;
      picture.append(words(LEFT - 12, TOP, `state ${t}`, "end"));
      x.forEach((token, i) => {
        const look = token === null ? "mask" : over && run.before[i] === null ? "kept" : "known";
        picture.append(cell(i, TOP, letter(token), look));
      });
      if (moment === 0 || over) return TOP + ROW;
      round.drafts.forEach((_, j) => picture.append(draftRow(round, j, TOP + ROW * (j + 1) + 8, verified)));
      if (verified) picture.append(arrow(round));
      return TOP + ROW * (round.drafts.length + 1) + 8;
    }

    function arrow(round) {
      const from = TOP + ROW / 2;
      const to = TOP + ROW * round.kept + 8 + ROW / 2;
      return kit.svg("g", { "aria-hidden": "true" },
        kit.svg("path", { d: `M 16 ${from} C 2 ${from}, 2 ${to}, 14 ${to}`, class: "pe-line-vermilion", "stroke-width": 2.5 }),
        kit.svg("path", { d: `M 8 ${to - 5} L 18 ${to} L 8 ${to + 5} Z`, class: "pe-fill-vermilion" }));
    }

    function report(moment, round, done, over) {
      const committed = done.reduce((sum, one) => sum + one.kept, 0) + (over ? run.free : 0);
      const waiting = moment % 2 === 1 && !over; // drafted, not yet sent
      const rows = (rounds) => 1 + rounds.reduce((sum, one) => sum + one.sent, 0);
      numbers.set({ "Forwards": `${1 + done.length} of ${1 + run.rounds.length}`,
        "Rows": `${rows(done)} of ${rows(run.rounds)}`,
        "Committed": `${committed} of ${run.T}`, "Static forwards": run.T,
        "At least": 1 + Math.ceil((run.T - 1) / draft.value) });
      const text = sentence(moment, round, waiting, over);
      status.say(text);
      picture.describe(text);
    }

    function sentence(moment, round, waiting, over) {
      const forwards = kit.plural(run.rounds.length + 1, "forward");
      if (over) return `The last token needs no forward: ${forwards} in all instead of ${run.T}.`;
      if (moment === 0) return "One forward on the empty sequence: every position has a prediction.";
      const { i, token } = round.stale[0];
      if (waiting) {
        return `Drafts from the predictions at state ${round.t}, surest first ` +
          `(${letter(token)} at position ${i}). Draft 1 is certain.`;
      }
      const many = round.drafts.length;
      const last = round.t + round.kept === run.T ? ` Done: ${forwards} instead of ${run.T}.` : "";
      const verdicts = round.kept === many ? "Every draft is" : `Draft ${round.kept + 1} is not`;
      return `${verdicts} what static decoding asks for: jump to draft ${round.kept}, ` +
        `${kit.plural(round.kept, "step")} in one forward.${last}`;
    }

    el.append(kit.controls(draft, coupling, table), kit.controls(place, play), picture, numbers.el, status.el);
    restart();
  },
};
