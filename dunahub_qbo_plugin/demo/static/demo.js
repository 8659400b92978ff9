// Shows news of a record without a reload: asks for its cards until nothing changes any more.
// The page works the same without this file; one reloads it then.
(() => {
  const cards = document.querySelector("[data-cards]");
  if (!cards) return;
  let quiet = 0;
  const busy = () =>
    document.hidden || cards.contains(document.activeElement) || cards.querySelector("details[open]");
  const look = async () => {
    if (!busy()) {
      try {
        const answer = await fetch(cards.dataset.cards, { headers: { Accept: "text/html" } });
        const html = answer.ok ? await answer.text() : "";
        if (html && html.trim() !== shown && !busy()) {
          cards.innerHTML = html;
          shown = html.trim();
          quiet = 0;
        }
      } catch {
        quiet += 5;
      }
    }
    quiet += 1;
    if (quiet < 60) setTimeout(look, quiet < 10 ? 700 : 4000);
  };
  let shown = cards.innerHTML.trim();
  setTimeout(look, 500);
})();
