package storetest

import "time"

var clockCases = []testCase{
	{
		name: "WallStepsForward",
		why:  "P4: a wall clock that jumps ahead takes no record before its time; it is followed by 10 % at most",
		run: func(p *probe) {
			p.set("key", "value", time.Minute)
			p.clock.Step(24 * time.Hour)
			p.wantValue("a day ahead", "key", "value")
			p.clock.Advance(54 * time.Second)
			p.wantValue("after 54 of 60 s", "key", "value")
			p.clock.Advance(6 * time.Second)
			p.wantAbsent("after 60 s", "key")
		},
	},
	{
		name: "WallStepsBack",
		why:  "P4: a wall clock that jumps back keeps no record for long; it is followed by 10 % at most",
		run: func(p *probe) {
			p.set("key", "value", time.Minute)
			p.clock.Advance(30 * time.Second)
			p.clock.Step(-24 * time.Hour)
			p.clock.Advance(29 * time.Second)
			p.wantValue("after 59 of 60 s", "key", "value")
			p.clock.Advance(8 * time.Second)
			p.wantAbsent("after 67 of 60 s", "key")
		},
	},
	{
		name:   "ClockOfTheSameBoot",
		why:    "P4: reopened in the same boot, the clock is carried on exactly, whatever the wall clock says",
		reopen: true,
		run: func(p *probe) {
			p.set("key", "value", time.Minute)
			p.reopen(func() { p.clock.Advance(30 * time.Second); p.clock.Step(-time.Hour) })
			p.wantValue("half way", "key", "value")
			p.reopen(func() { p.clock.Advance(30*time.Second - time.Millisecond); p.clock.Step(2 * time.Hour) })
			p.wantValue("1 ms before the deadline", "key", "value")
			p.reopen(func() { p.clock.Advance(time.Millisecond) })
			p.wantAbsent("at the deadline", "key")
		},
	},
	{
		name:   "ClockOfAnotherBoot",
		why:    "P4: reopened in another boot, time has passed as the wall clock says, and never went back",
		reopen: true,
		run: func(p *probe) {
			p.set("short", "value", time.Minute)
			p.set("long", "value", 2*time.Minute)
			p.reopen(func() { p.clock.Reboot(time.Minute) })
			p.wantAbsent("a minute by the wall clock", "short")
			p.wantValue("a minute by the wall clock", "long", "value")
			p.set("mark", "value", 0) // keeps the store's time with it
			p.reopen(func() { p.clock.Reboot(-time.Hour) })
			p.wantAbsent("with the wall clock an hour back", "short")
			p.clock.Advance(70 * time.Second) // while the clock is slewed
			p.wantAbsent("more than a minute later", "long")
		},
	},
}
