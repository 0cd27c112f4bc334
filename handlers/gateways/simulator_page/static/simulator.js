// The phones of the simulator. A text goes to the gateway's own URL with the fields that
// Africa's Talking sends; what reaches a phone arrives as server-sent events.

import { dialling } from "./dialling.js";
import { identifier } from "./identifier.js";

const { gateway, serviceCode, story, words: wordsJson } = document.body.dataset;
const words = JSON.parse(wordsJson);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const phones = new Map();

for (const article of document.querySelectorAll("[data-phone]")) {
  const phone = {
    id: article.dataset.phone,
    messages: article.querySelector(".messages"),
    form: article.querySelector("form"),
    text: article.querySelector("textarea"),
    article,
  };
  phones.set(phone.id, phone);
  dialling(article, gateway, serviceCode, words);
  phone.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = phone.text.value;
    phone.text.value = "";
    send(phone, text);
  });
  phone.text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      phone.form.requestSubmit();
    }
  });
}

function show(phone, kind, text) {
  const bubble = document.createElement("li");
  bubble.className = kind;
  const body = document.createElement("p");
  body.textContent = text;
  bubble.append(body);
  phone.messages.append(bubble);
  phone.messages.scrollTop = phone.messages.scrollHeight;
  return bubble;
}

async function send(phone, text, hoursAgo = 0) {
  const state = document.createElement("small");
  state.textContent = words.sending;
  show(phone, "out", text).append(state);
  const sent = await post(phone.id, text, hoursAgo);
  state.textContent = sent ? words.sent : words.failed;
  state.className = sent ? "sent" : "failed";
  phone.messages.scrollTop = phone.messages.scrollHeight;
}

async function post(slot, text, hoursAgo) {
  const form = new URLSearchParams({
    from: slot,
    to: "36000",
    text,
    id: identifier(),
    date: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
  });
  try {
    return (await fetch(`${gateway}/sms`, { method: "POST", body: form })).ok;
  } catch {
    return false;
  }
}

const line = document.getElementById("line");
const events = new EventSource("/simulator/events?since=0");
events.addEventListener("open", () => {
  line.textContent = words.live;
  line.classList.add("live");
});
events.addEventListener("error", () => {
  line.textContent = words.waiting;
  line.classList.remove("live");
});
events.addEventListener("message", ({ data }) => {
  const { phone: slot, text } = JSON.parse(data);
  const phone = phones.get(slot);
  show(phone, "in", text);
  phone.article.classList.remove("rings");
  void phone.article.offsetWidth; // restarts the animation when two texts come close together
  phone.article.classList.add("rings");
});

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const button = document.getElementById("story");
const caption = document.getElementById("caption");

button.addEventListener("click", async () => {
  button.disabled = true;
  button.textContent = words.story_running;
  for (const step of JSON.parse(story)) {
    const phone = phones.get(step.phone);
    caption.textContent = step.caption;
    await type(phone, step.text);
    phone.text.value = "";
    await send(phone, step.text, step.hours_ago);
    await pause(calm ? 200 : 1500);
  }
  button.disabled = false;
  button.textContent = words.story;
});

async function type(phone, text) {
  phone.article.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  for (let length = calm ? text.length : 1; length <= text.length; length += 1) {
    phone.text.value = text.slice(0, length);
    await pause(calm ? 0 : 70);
  }
}
