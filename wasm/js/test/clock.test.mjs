import { test } from 'node:test';
import { Clock } from '../clock.mjs';
import { equal } from './check.mjs';

// The host's clocks, moved by hand.
function host(t) {
  const at = { wall: 1_800_000_000_000, run: 0 };
  t.mock.method(Date, 'now', () => at.wall);
  t.mock.method(performance, 'now', () => at.run);
  const clock = new Clock();
  return {
    clock,
    pass(wall, run = wall) {
      at.wall += wall;
      at.run += run;
      clock.look();
      return clock.boot();
    },
  };
}

test('time passes as the monotonic clock says', (t) => {
  const { pass } = host(t);
  equal(pass(1000), 1000, 'a second');
  equal(pass(0, 500), 1500, 'half a second without the wall clock');
});

test('a host’s sleep is time passed', (t) => {
  const { pass } = host(t);
  pass(1000);
  equal(pass(8 * 3600_000, 200), 8 * 3600_000 + 1000, 'eight hours asleep');
  equal(pass(1000), 8 * 3600_000 + 2000, 'awake again');
});

test('a wall clock that is corrected is none', (t) => {
  const { pass } = host(t);
  equal(pass(1900, 200), 200, 'by less than two seconds');
  equal(pass(-3600_000, 1000), 1200, 'set back');
});

test('boot never goes back', (t) => {
  const { pass } = host(t);
  pass(1000);
  equal(pass(-500, -500), 1000, 'when the host’s clocks do');
});

test('the wall clock is told ten times a second', (t) => {
  const { clock, pass } = host(t);
  equal(clock.look(), true, 'the first time');
  equal(clock.look(), false, 'at once');
  pass(99);
  equal(clock.look(), false, 'after 99 ms');
});

test('a monotonic clock of the caller’s own is taken at its word', () => {
  let wall = 0, run = 5;
  const clock = new Clock({ now: () => wall, monotonic: () => run });
  wall += 3600_000;
  run += 1000;
  clock.look();
  equal([clock.boot(), clock.wall()], [1000, 3600_000], 'after an hour of the wall clock');
});
