package report

// Loss is a figure in which a peer is better.
type Loss struct {
	Result *Result
	Table  *Table
	Ours   *Row
	Peer   *Row
	Factor float64 // how many times better the peer is, above 1
}

// Losses gives every figure in which the median of a peer is better than the
// best row of ours that has values. Rows aside count too, with their note.
func (r *Report) Losses() []Loss {
	var losses []Loss
	for _, res := range r.Results {
		for _, t := range res.contests() {
			losses = append(losses, t.losses(res)...)
		}
	}
	return losses
}

// contests are the tables in which somebody can win.
func (res *Result) contests() []*Table {
	var all []*Table
	for _, t := range res.Tables {
		if !t.Fact {
			all = append(all, t)
		}
	}
	for _, g := range res.Grids {
		all = append(all, g.tables()...)
	}
	return all
}

// ours is the best row of ours that has values; nil if there is none.
func (t *Table) ours() *Row {
	var ours *Row
	for _, row := range t.Rows {
		if row.Ours && !row.Aside && len(row.Values) > 0 && (ours == nil || t.better(row.Spread().Median, ours.Spread().Median)) {
			ours = row
		}
	}
	return ours
}

// peers are the rows with values that stand against ours.
func (t *Table) peers() []*Row {
	var peers []*Row
	for _, row := range t.Rows {
		if !row.Ours && len(row.Values) > 0 && t.ours() != nil {
			peers = append(peers, row)
		}
	}
	return peers
}

func (t *Table) losses(res *Result) []Loss {
	var losses []Loss
	for _, row := range t.peers() {
		ours := t.ours()
		mine, theirs := ours.Spread().Median, row.Spread().Median
		if !t.better(theirs, mine) {
			continue
		}
		factor := mine / theirs
		if t.More {
			factor = theirs / mine
		}
		losses = append(losses, Loss{res, t, ours, row, factor})
	}
	return losses
}
