package storetest

import "fmt"

// CheckCase runs one case.
func CheckCase(name string, f Factory) error {
	for _, c := range cases() {
		if c.name == name {
			return c.check(f)
		}
	}
	panic(fmt.Sprintf("no case %s", name))
}

// CaseNames gives the names of all cases.
func CaseNames() []string {
	var names []string
	for _, c := range cases() {
		names = append(names, c.name)
	}
	return names
}
