// Package report turns what the comparisons measured into text: Markdown with
// tables, the targets and the table of what peers do better, and SVG charts that
// can be read on light and on dark ground.
//
// A Report is kept in a file ([Load], [Report.Save]), so that results of different
// runs stand in one; each has a [Stamp] of its own. [Report.Summary] is what a
// README shows, [Insert] puts it there.
//
// It measures nothing and reads no clock: the same Report gives the same bytes.
// Its values are plain data, not safe for concurrent use.
package report
