/*
 * A text that several people write at once. Its duties, in this order:
 *   1. begin with the state that the page was sent with, and with what was typed before this script ran;
 *   2. send what is typed (outbox.js), and take up what an earlier page could not send;
 *   3. follow the channel: every update once, in any order; after a pause, all there is;
 *   4. say whether everything is saved, and who else is writing.
 *
 * Browsers without modules do not load this; there the text is a form, as without scripts.
 */
import {Doc, UndoManager, applyUpdate} from './yjs.js';
import {decode} from './base64.js';
import {TYPED, bind} from './binding.js';
import {Outbox} from './outbox.js';

const REMOTE = 'remote';                    // the origin of changes that need not be sent
const SENTENCES = {
  saved: 'Everything is saved.',
  saving: 'Saving…',
  waiting: 'The server does not answer: what you write is kept in this browser until it does.',
  refused: 'Not saved, but kept in this browser.'
};

const root = document.getElementById('pad'), sheet = document.getElementById('sheet');
const area = document.getElementById('text');
const id = root.dataset.id, tab = Math.random().toString(36).slice(2);
const who = writers(page.part(sheet, 'who'));
const doc = new Doc(), text = doc.getText('text');
let composing = false, late = [];           // updates wait until a word of an input method is complete

function receive(update) {
  late.push(update);
  if (!composing) { apply(); }
}

function apply() {
  take();
  const updates = late;
  late = [];
  for (const update of updates) {
    try {
      applyUpdate(doc, update, REMOTE);
    } catch (error) {                       // one that this browser cannot read must not stop the others
      console.error(error);
    }
  }
}

function fetchAll() {
  page.ask('GET', `/pads/${id}/updates.json`, null, (answer) => receive(decode(JSON.parse(answer).update)),
    () => { /* what is pushed comes all the same */ });
}

// 1.
applyUpdate(doc, decode(root.dataset.state), REMOTE);
const undo = new UndoManager(text, {trackedOrigins: new Set([TYPED])});
const take = bind(area, text, undo);
area.addEventListener('compositionstart', () => { composing = true; });
area.addEventListener('compositionend', () => {
  composing = false;
  apply();
});

// 2.
const outbox = new Outbox(id, tab, (state, message) => {
  page.write(page.part(sheet, 'saved'), SENTENCES[state]);
  page.write(page.part(sheet, 'note'), message || '');
});
doc.on('update', (update, origin) => { if (origin !== REMOTE) { outbox.add(update); } });
for (const [name, update] of outbox.left()) {
  applyUpdate(doc, update, REMOTE);
  outbox.add(update);
  outbox.forget(name);
}
take();
sheet.classList.add('bound');
sheet.addEventListener('submit', (event) => event.preventDefault());
page.write(page.part(sheet, 'saved'), SENTENCES[outbox.all() ? 'saving' : 'saved']);

// 3. and 4.
live.follow(root.dataset.ticket, {
  update(data) {
    if (data.page === tab) {
      const started = outbox.started.get(data.number);
      if (started) { live.seen(performance.now() - started); }
      outbox.started.delete(data.number);
    } else {
      who.note(data.mark, data.name);
      if (data.update) { receive(decode(data.update)); } else { fetchAll(); }
    }
  }
}, fetchAll);
