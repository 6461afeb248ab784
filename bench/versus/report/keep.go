package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Load reads what Save has kept in file. Without a file there is nothing yet.
func Load(file string) (*Report, error) {
	r := new(Report)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Save keeps the report in file, for Load. A run that is cut while it saves
// leaves the file as it was.
func (r *Report) Save(file string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	next := file + ".new"
	if err := os.WriteFile(next, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// Put takes res in place of an earlier result of the same comparison. The
// results stand in the order of names; of others none is kept.
func (r *Report) Put(res *Result, names []string) {
	all := append(slices.DeleteFunc(r.Results, func(old *Result) bool { return old.Name == res.Name }), res)
	r.Results = nil
	for _, name := range names {
		if i := slices.IndexFunc(all, func(one *Result) bool { return one.Name == name }); i >= 0 {
			r.Results = append(r.Results, all[i])
		}
	}
}

// latest is the stamp of the result that was measured last.
func (r *Report) latest() Stamp {
	var last Stamp
	for _, res := range r.Results {
		if !res.Stamp.Began.Before(last.Began) {
			last = res.Stamp
		}
	}
	return last
}
