/*
 * The bell in the header of every page: how many notices are unread, and a list that opens under it. Without this
 * script it is a link to a page with the number that was true when the page was made.
 */
(function () {
  var SHOWN = 6000;                       // ms that a new notice stands under the bell
  var root = document.getElementById('bell'), opener = page.part(root, 'opener');
  var rang = page.part(root, 'rang'), list = page.part(root, 'list'), whole = document.getElementById('notices');
  var title = document.title, version = -1, timer = null;
  var self = document.getElementById('ring'), rangAt = 0;

  function show(state) {
    if (state.version < version) { return; }  // read before something was pushed, and answered after it
    version = state.version;
    page.write(page.part(root, 'count'), state.unread ? String(state.unread) : '');
    document.title = (state.unread ? '(' + state.unread + ') ' : '') + title;
    if (isOpen()) { fill(list, '/bell/list'); }
    if (whole) { fill(whole, '/bell/list?all=1'); }
  }

  function rung(data) {
    if (rangAt) { live.seen(new Date().getTime() - rangAt); }
    rangAt = 0;
    show(data);
    page.write(rang, data.sentence);
    clearTimeout(timer);
    timer = setTimeout(function () { page.write(rang, ''); }, SHOWN);
  }

  function fill(element, address) {
    page.ask('GET', address, null, function (html) {
      element.innerHTML = html;           // our own template, escaped there
    }, function () { /* the next notice asks again */ });
  }

  function isOpen() { return root.className.indexOf(' open') >= 0; }

  function open(wanted) {
    root.className = root.className.replace(/ open/, '') + (wanted ? ' open' : '');
    opener.setAttribute('aria-expanded', String(wanted));
    if (wanted) {
      page.write(rang, '');
      fill(list, '/bell/list');
    }
  }

  if (self) {
    page.listen(self, 'submit', function (event) {
      page.halt(event);
      rangAt = new Date().getTime();
      page.ask('POST', '/bell/ring', '', function () { /* it is pushed */ }, function () { rangAt = 0; });
    });
  }
  opener.setAttribute('role', 'button');
  opener.setAttribute('aria-expanded', 'false');
  page.listen(opener, 'click', function (event) {
    if (whole) { return; }                // its page is open: the list is there
    page.halt(event);
    open(!isOpen());
  });
  page.listen(document, 'keydown', function (event) {
    if (event.keyCode === 27 && isOpen()) {
      open(false);
      opener.focus();
    }
  });
  page.listen(document, 'click', function (event) {
    var element = event.target || event.srcElement;
    while (element && element !== root) { element = element.parentNode; }
    if (!element && isOpen()) { open(false); }
  });

  live.follow(root.getAttribute('data-ticket'), {rung: rung, read: show}, function () {
    page.ask('GET', '/bell.json', null, function (text) { show(JSON.parse(text)); }, function () { /* as it was */ });
  });
}());
