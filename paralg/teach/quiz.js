(() => {
  const quiz = (document.currentScript && document.currentScript.closest(".paralg-quiz"))
    || document.querySelector(".paralg-quiz:not([data-ready])");
  if (!quiz || quiz.dataset.ready) return;
  const forms = [...quiz.querySelectorAll("form")];
  const score = quiz.querySelector(".pq-score");
  const answers = quiz.querySelector(".pq-answers");

  function reveal(choice, right, chosen = true) {
    choice.dataset.shown = right ? "right" : chosen ? "wrong" : "other";
    choice.querySelector(".pq-feedback").hidden = false;
  }

  function conceal(form) {
    for (const choice of form.querySelectorAll("[data-shown]")) {
      delete choice.dataset.shown;
      choice.querySelector(".pq-feedback").hidden = true;
    }
  }

  // A wrong try explains only what was chosen; the right answer brings every explanation.
  function gradeChoices(form) {
    const choices = [...form.querySelectorAll(".pq-choice")];
    const chosen = choices.filter((one) => one.querySelector("input").checked);
    if (!chosen.length) return ["", "Choose an answer first."];
    const isRight = (one) => one.dataset.correct === "true";
    const missing = choices.filter((one) => isRight(one) && !chosen.includes(one)).length;
    const wrong = chosen.filter((one) => !isRight(one)).length;
    const solved = missing === 0 && wrong === 0;
    for (const one of solved ? choices : chosen) reveal(one, isRight(one), chosen.includes(one));
    if (solved) return ["right", "✓ Right."];
    if (form.dataset.type === "multiple_choice") return ["wrong", "✗ Not this one. Try again."];
    const parts = [wrong && `${wrong} chosen wrongly`, missing && `${missing} missing`].filter(Boolean);
    return ["wrong", `✗ Not yet: ${parts.join(", ")}.`];
  }

  // What may be meant: 1,024 is a thousand and something, or a little more than one; 0,5 is a half.
  function readings(written) {
    const text = written.replace(/\s/g, "").replace("−", "-");
    const grouped = /^-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(text);
    const texts = text === "" ? [] : [text.replace(",", "."), ...(grouped ? [text.replaceAll(",", "")] : [])];
    return texts.map(Number).filter((value) => !Number.isNaN(value));
  }

  function gradeNumber(form) {
    const values = readings(form.querySelector("input").value);
    if (!values.length) return ["", "Enter a number first."];
    const tolerance = Number(form.dataset.tolerance);
    const fits = (one) => {
      const [low, high] = JSON.parse(one.dataset.range);
      return values.some((value) => value >= low - tolerance && value <= high + tolerance);
    };
    const known = [...form.querySelectorAll("[data-range]")].find(fits);
    const found = known || form.querySelector("[data-default]");
    const right = found.dataset.correct === "true";
    reveal(found, right);
    return right ? ["right", "✓ Right."] : ["wrong", "✗ Not this number. Try again."];
  }

  // JupyterLab would take arrow keys and Enter as commands, unless the element itself says no.
  for (const one of quiz.querySelectorAll("input, button, summary")) one.dataset.lmSuppressShortcuts = "true";

  for (const form of forms) {
    const status = form.querySelector(".pq-status");
    form.querySelector(".pq-actions").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      conceal(form);
      const [state, words] = form.dataset.type === "numeric" ? gradeNumber(form) : gradeChoices(form);
      form.dataset.state = state;
      status.textContent = words;
      const right = forms.filter((one) => one.dataset.state === "right").length;
      score.textContent = `${right} of ${forms.length} right.`;
    });
    form.addEventListener("change", () => { if (status.textContent) status.textContent = ""; });
  }
  let opened = false;
  window.addEventListener("beforeprint", () => { opened = !answers.open; answers.open = true; });
  window.addEventListener("afterprint", () => { if (opened) answers.open = false; });
  quiz.dataset.ready = "true";
})();
