import { test } from 'node:test';
import { Clock } from '../clock.mjs';
import { equal } from './check.mjs';

// The host's clocks, moved by hand.
function host() {
  const at = { wall: 1_800_000_000_000, run: 0 };
  const clock = new Clock(() => at.wall, () => at.run);
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

test('time passes as the monotonic clock says', () => {
  const { pass } = host();
  equal(pass(1000), 1000, 'a second');
  equal(pass(0, 500), 1500, 'half a second without the wall clock');
});

test('a host’s sleep is time passed', () => {
  const { pass } = host();
  pass(1000);
  equal(pass(8 * 3600_000, 200), 8 * 3600_000 + 1000, 'eight hours asleep');
  equal(pass(1000), 8 * 3600_000 + 2000, 'awake again');
});

test('a wall clock that is corrected is none', () => {
  const { pass } = host();
  equal(pass(1900, 200), 200, 'by less than two seconds');
  equal(pass(-3600_000, 1000), 1200, 'set back');
});

test('boot never goes back', () => {
  const { pass } = host();
  pass(1000);
  equal(pass(-500, -500), 1000, 'when the host’s clocks do');
});

test('the wall clock is told ten times a second', () => {
  const { clock, pass } = host();
  equal(clock.look(), true, 'the first time');
  equal(clock.look(), false, 'at once');
  pass(99);
  equal(clock.look(), false, 'after 99 ms');
});
