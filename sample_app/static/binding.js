/*
 * A textarea and a shared text that say the same: what is typed goes into the text as the smallest change that it can
 * be, what others write goes into the textarea without moving the caret from its word.
 */

export const TYPED = 'typed';             // the origin of changes that came from the textarea

/** What was typed: {at, removed, added}. The caret says which of several like letters was meant. */
export function difference(before, after, caret) {
  const least = Math.min(before.length, after.length);
  let head = 0, tail = 0;
  const same = (limit) => {
    while (tail < limit && before[before.length - 1 - tail] === after[after.length - 1 - tail]) { tail += 1; }
  };
  same(Math.min(least, after.length - caret));  // what stands behind the caret was there before
  while (head < least - tail && before[head] === after[head]) { head += 1; }
  same(least - head);
  // Characters beyond 16 bits are two units; half of one is no text.
  if (head && /[\ud800-\udbff]/.test(before[head - 1])) { head -= 1; }
  if (tail && /[\udc00-\udfff]/.test(before[before.length - tail])) { tail -= 1; }
  return {at: head, removed: before.length - tail - head, added: after.slice(head, after.length - tail)};
}

/** Where a place in the text is after others' changes, as Yjs describes them. */
export function moved(place, delta) {
  let at = 0;
  for (const {retain, insert, delete: gone} of delta) {
    if (retain) {
      at += retain;
    } else if (insert) {
      if (at < place) { place += insert.length; }
      at += insert.length;
    } else if (at < place) {
      place -= Math.min(gone, place - at);
    }
  }
  return place;
}

/** Ties both together; returns take(), which is to be called before anything else changes the text. */
export function bind(area, text, undo) {
  function take() {
    const there = text.toString();
    if (area.value === there) { return; }
    const {at, removed, added} = difference(there, area.value, area.selectionEnd);
    text.doc.transact(() => {
      text.delete(at, removed);
      text.insert(at, added);
    }, TYPED);
  }

  function show(event, transaction) {
    if (transaction.origin === TYPED) { return; }
    const {selectionStart, selectionEnd, selectionDirection, scrollTop} = area;
    area.value = text.toString();
    if (document.activeElement === area) {
      area.setSelectionRange(moved(selectionStart, event.delta), moved(selectionEnd, event.delta), selectionDirection);
    }
    area.scrollTop = scrollTop;
  }

  // The browser's own undo forgets everything when others write; this one takes back what was typed here, and no more.
  function key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) { return; }
    const name = event.key.toLowerCase();
    if (name === 'z' || name === 'y') {
      event.preventDefault();
      if (name === 'y' || event.shiftKey) { undo.redo(); } else { undo.undo(); }
    }
  }

  text.observe(show);
  area.addEventListener('input', (event) => { if (!event.isComposing) { take(); } });
  area.addEventListener('compositionend', take);
  area.addEventListener('keydown', key);
  return take;
}
