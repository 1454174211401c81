/*
 * Who is writing at the moment:  var who = writers(element);  who.note(mark, name);  who.gone(mark);
 * Whoever was not noted again for some seconds has stopped.
 */
function writers(element) {
  var FORGET = 5000;                      // ms
  var busy = [];

  function draw() {
    var names = [], i;
    for (i = 0; i < busy.length; i += 1) { names.push(busy[i].name); }
    var last = names.pop();
    page.write(element, last ? (names.length ? names.join(', ') + ' and ' : '') + last +
      (names.length ? ' are' : ' is') + ' writing…' : '');
  }

  function gone(mark) {
    for (var i = busy.length - 1; i >= 0; i -= 1) {
      if (busy[i].mark === mark) {
        clearTimeout(busy[i].timer);
        busy.splice(i, 1);
      }
    }
    draw();
  }

  function note(mark, name) {
    if (mark === page.mark) { return; }   // one's own other tab
    gone(mark);
    busy.push({mark: mark, name: name, timer: setTimeout(function () { gone(mark); }, FORGET)});
    draw();
  }

  return {note: note, gone: gone};
}
