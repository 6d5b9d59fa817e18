/* A stripped program with its calls: move one, and see the scores and what the run was.
 *
 * Scores are those of metric.py, written again for the browser; verdicts were recorded.
 */

const ROW = 17;
const LEFT = { number: 22, code: 34, gap: 8 };

const key = (call) => `${call.L} ${call.S}`;
const covers = (p, t, v) => (p.S === t.S && Math.abs(p.L - t.L) <= v) || (p.L === t.L && Math.abs(p.S - t.S) <= v);

function scores(truth, guess, v) {
  let located = 0;
  let named = 0;
  let shares = 0;
  truth.forEach((t) => {
    const near = guess.filter((p) => covers(p, t, v));
    located += near.length > 0;
    const far = (p) => Math.abs(p.L - t.L) + Math.abs(p.S - t.S);
    const same = near.filter((p) => p.name === t.name).sort((a, b) => far(a) - far(b) || a.L - b.L || a.S - b.S)[0];
    if (!same) return;
    named += 1;
    shares += t.args.length ? t.args.filter((arg, i) => arg === same.args[i]).length / t.args.length : 1;
  });
  const useful = guess.filter((p) => truth.some((t) => covers(p, t, v))).length;
  return { location: located / truth.length, function: named / located, arguments: shares / named, precision: useful / guess.length };
}

function moved(calls, k, L) {
  if (L === null) return calls.filter((_, i) => i !== k);
  if (calls[k].L === L) return calls;
  const others = calls.filter((_, i) => i !== k);
  const S = Math.max(0, ...others.filter((c) => c.L === L).map((c) => c.S)) + 1;
  return [...others, { ...calls[k], L, S }].sort((a, b) => a.L - b.L || a.S - b.S);
}

export default {
  render({ model, el }) {
    const programs = model.get("programs");
    const most = Math.max(...Object.values(programs).map((p) => p.lines.length + p.calls.length));
    const picture = kit.picture({ width: 500, height: (most + 2) * ROW, label: "" });
    const numbers = kit.numbers(["Location", "Function", "Arguments", "Precision", "The run"]);
    const status = kit.status();
    const name = kit.choice({ label: "Program", options: Object.keys(programs), value: "message", onChange: load });
    const call = kit.stepper({ label: "Call", min: 0, max: 4, value: 3, onChange: choose, format: (k) => programs[name.value].calls[Math.min(k, programs[name.value].calls.length - 1)].name });
    const line = kit.slider({ label: "Its line", min: 0, max: 16, value: 6, onInput: draw, format: (L) => (L > programs[name.value].lines.length ? "left out" : String(L)) });
    const variance = kit.choice({ label: "Tolerance v", options: ["0", "1", "2"], onChange: draw });

    const index = () => Math.min(call.value, programs[name.value].calls.length - 1);

    function load() {
      call.set(3, { quiet: true });
      choose();
    }

    function choose() {
      call.set(index(), { quiet: true });
      line.set(programs[name.value].calls[index()].L, { quiet: true });
      draw();
    }

    function draw() {
      const { lines, calls, verdicts } = programs[name.value];
      const k = index();
      const at = Math.min(line.value, lines.length + 1);
      line.set(at, { quiet: true });
      const guess = moved(calls, k, at > lines.length ? null : at);
      const found = scores(calls, guess, Number(variance.value));
      const verdict = verdicts[k][at];
      const text = (x) => (Number.isNaN(x) ? "–" : kit.number(x));
      numbers.set({ Location: text(found.location), Function: text(found.function), Arguments: text(found.arguments), Precision: text(found.precision), "The run": verdict });
      const where = at > lines.length ? "is left out" : `stands behind line ${at}`;
      status.say(`${calls[k].name} ${where}: location ${text(found.location)}, and the run is: ${verdict}.`);
      kit.clear(picture).append(listing(lines, calls, guess, calls[k]));
      picture.describe(`The program with ${kit.plural(guess.length, "call")}; ${calls[k].name} ${where}.`);
    }

    function listing(lines, calls, guess, chosen) {
      const group = kit.svg("g");
      const truth = new Set(calls.map(key));
      let y = ROW;
      const write = (x, words, style) => group.append(kit.svg("text", { x, y, text: words, style: { fontFamily: "monospace", fontSize: "13px", whiteSpace: "pre", ...style } }));
      const behind = (L) => guess.filter((c) => c.L === L).forEach((c) => {
        const right = truth.has(key(c));
        write(LEFT.gap, right ? "=" : "?", { fill: right ? kit.colors.text.green : kit.colors.text.vermilion, fontWeight: "bold" });
        write(LEFT.code, c.text, { fill: c.text === chosen.text ? kit.colors.text.vermilion : kit.colors.text.blue, fontWeight: c.text === chosen.text ? "bold" : "normal" });
        y += ROW;
      });
      behind(0);
      lines.forEach((one, i) => {
        write(LEFT.number, String(i + 1), { textAnchor: "end", opacity: 0.6, fontSize: "11px" });
        write(LEFT.code, one);
        y += ROW;
        behind(i + 1);
      });
      return group;
    }

    el.append(kit.controls(name, variance), kit.controls(call, line), picture, numbers.el, status.el);
    load();
  },
};
