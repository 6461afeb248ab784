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
		for _, t := range res.Tables {
			if !t.Fact {
				losses = append(losses, t.losses(res)...)
			}
		}
		for _, g := range res.Grids {
			for _, t := range g.tables() {
				losses = append(losses, t.losses(res)...)
			}
		}
	}
	return losses
}

func (t *Table) losses(res *Result) []Loss {
	var ours *Row
	for _, row := range t.Rows {
		if row.Ours && !row.Aside && len(row.Values) > 0 && (ours == nil || t.better(row.Spread().Median, ours.Spread().Median)) {
			ours = row
		}
	}
	if ours == nil {
		return nil
	}
	var losses []Loss
	mine := ours.Spread().Median
	for _, row := range t.Rows {
		theirs := row.Spread().Median
		if row.Ours || len(row.Values) == 0 || !t.better(theirs, mine) {
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
