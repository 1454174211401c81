/*
 * Comments under a text: sent without leaving the page, shown as they come, whoever wrote them; and who is about to.
 * Without this script the form is a form.
 */
(function () {
  var HINT_EVERY = 2500;                  // ms between two hints that somebody writes
  var STALE = 8000;                       // ms after which a hint that was on its way says nothing any more
  var pad = document.getElementById('pad'), form = document.getElementById('comment');
  var said = document.getElementById('said'), body = form.elements.body, author = form.elements.name;
  var note = page.part(form, 'note'), who = writers(page.part(document.getElementById('comments'), 'who'));
  var address = '/pads/' + pad.getAttribute('data-id'), hinted = 0, sending = false, sent = {};

  function number(item) { return Number(item.id.replace('comment-', '')); }

  function add(comment) {
    if (document.getElementById('comment-' + comment.id)) { return; }
    var item = document.createElement('li'), text = document.createElement('p'), by = document.createElement('span');
    item.id = 'comment-' + comment.id;
    text.className = 'body';
    by.className = 'muted';
    page.write(text, comment.body);
    page.write(by, comment.author + ', ' + comment.when);
    item.appendChild(text);
    item.appendChild(by);
    var items = said.getElementsByTagName('li'), next = null;
    for (var i = items.length - 1; i >= 0 && number(items[i]) > comment.id; i -= 1) { next = items[i]; }
    said.insertBefore(item, next);
  }

  function send() {
    var nonce = form.elements.nonce.value;
    sending = true;
    sent[nonce] = new Date().getTime();
    page.write(note, '');
    page.ask('POST', address + '/comments.json', page.form({name: author.value, body: body.value, nonce: nonce}),
      function (text) {
        sending = false;
        form.elements.nonce.value = String(Math.random()).slice(2);  // a new one: the next comment is another
        body.value = '';
        add(JSON.parse(text));            // also when the push server is away
      }, function (status, text) {
        sending = false;                  // with the same nonce again, should this one have arrived after all
        page.write(note, status === 400 ? JSON.parse(text).error.message :
          'It could not be sent' + (status ? ' (' + status + ')' : '') + '. Try again.');
      });
  }

  function hint() {
    var now = new Date().getTime();
    if (!body.value || now - hinted < HINT_EVERY) { return; }
    hinted = now;
    page.ask('POST', address + '/writing.json', page.form({name: author.value}), function () { /* said */ }, function () { /* only a hint */ });
  }

  page.listen(form, 'submit', function (event) {
    page.halt(event);
    if (!sending) { send(); }
  });
  page.listen(body, 'keyup', hint);

  live.follow(pad.getAttribute('data-ticket'), {
    comment: function (data) {
      if (sent[data.nonce]) {
        live.seen(new Date().getTime() - sent[data.nonce]);
        delete sent[data.nonce];
      }
      add(data);
      who.gone(data.mark);
    },
    writing: function (data) {
      if (page.now() - data.at < STALE) { who.note(data.mark, data.name); }
    }
  }, function () {
    page.ask('GET', address + '/comments.json', null, function (text) {
      var comments = JSON.parse(text);
      for (var i = 0; i < comments.length; i += 1) { add(comments[i]); }
    }, function () { /* what is pushed comes all the same */ });
  });
}());
