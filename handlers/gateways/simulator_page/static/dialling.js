// The key pad of a phone: a USSD session, as the network would have it. Each hop goes to the
// gateway's own URL with the fields that Africa's Talking sends: all answers so far, and how the
// session ended.

import { identifier } from "./identifier.js";

export function dialling(article, gateway, code, words) {
  const part = (name) => article.querySelector(name);
  const [call, shown, dial, hangUp] = [".call", ".shown", ".dial", ".hang-up"].map(part);
  const answer = part(".call input");
  const texts = [part(".messages"), part(".screen > form")];
  let session = null; // from the dialling to the last screen
  let busy = false;

  function open() {
    for (const each of texts) each.hidden = true;
    call.hidden = false;
    hangUp.disabled = false;
    article.classList.add("calling");
  }

  function close() {
    if (session) end("Incomplete");
    call.hidden = true;
    for (const each of texts) each.hidden = false;
    hangUp.disabled = true;
    article.classList.remove("calling");
    show("");
    dial.focus();
  }

  function show(text, goesOn = true) {
    shown.textContent = text.slice(0, answer.maxLength); // what a screen holds, as on a phone
    answer.value = "";
    answer.placeholder = session ? "" : code;
    answer.form.hidden = !goesOn;
    dial.disabled = Boolean(session);
    if (!call.hidden) (goesOn ? answer : shown).focus();
  }

  async function reply() {
    const typed = answer.value.trim();
    if (busy || !typed) return;
    if (session) await hop([...session.answers, typed]);
    else await dialNumber(typed);
  }

  async function dialNumber(number) {
    open();
    if (number !== code) return show(`${words.no_service} ${code}`);
    session = { id: identifier(), answers: [], hops: 0, began: Date.now(), last: "" };
    show(words.dialling);
    await hop([]);
  }

  async function hop(answers) {
    const asked = session;
    busy = true;
    call.ariaBusy = "true";
    const screen = await post("ussd", { text: answers.join("*") });
    busy = false;
    call.ariaBusy = "false";
    if (session !== asked) return; // hung up meanwhile
    session = { ...session, answers, hops: session.hops + 1, last: screen ?? "" };
    if (screen?.startsWith("CON ")) return show(screen.slice(4));
    end(screen ? "Success" : "Failed");
    show(screen ? screen.slice(4) : words.no_line, false);
  }

  function end(status) {
    post("ussd-end", {
      status,
      durationInMillis: Date.now() - session.began,
      hopsCount: session.hops,
      input: session.answers.join("*"),
      lastAppResponse: session.last,
      errorMessage: "",
    });
    session = null;
  }

  async function post(kind, fields) {
    const form = new URLSearchParams({
      sessionId: session.id,
      phoneNumber: article.dataset.phone,
      networkCode: "61001",
      serviceCode: code,
      ...fields,
    });
    try {
      const said = await fetch(`${gateway}/${kind}`, { method: "POST", body: form });
      return said.ok ? await said.text() : null;
    } catch {
      return null;
    }
  }

  for (const key of article.querySelectorAll(".key")) {
    key.addEventListener("click", () => {
      if (call.hidden || answer.form.hidden) {
        open();
        show("");
      }
      answer.value += key.textContent;
      answer.focus({ preventScroll: true });
    });
  }
  dial.addEventListener("click", () => busy || dialNumber(code));
  hangUp.addEventListener("click", close);
  answer.form.addEventListener("submit", (event) => {
    event.preventDefault();
    reply();
  });
  call.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
}
