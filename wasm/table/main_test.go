package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// file writes the events of one run.
func file(t *testing.T, events ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "run.json")
	if err := os.WriteFile(name, []byte(strings.Join(events, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func ended(action, test string) string { return `{"Action":"` + action + `","Test":"` + test + `"}` }

func TestTable(t *testing.T) {
	one := file(t, "noise", ended("pass", "TestA/Get"), ended("pass", "TestA/Get/deeper"), ended("pass", "TestB/Other"), ended("pass", "TestA/Reopen"))
	two := file(t, ended("pass", "TestC/all/Get"),
		`{"Action":"output","Test":"TestC/all/Reopen","Output":"    suite.go:83: it forgets\n"}`, ended("skip", "TestC/all/Reopen"))
	var out strings.Builder
	if err := run([]string{"one:TestA=" + one, "two:TestC/all=" + two}, &out); err != nil {
		t.Fatal(err)
	}
	want := "| rule | one | two |\n|---|---|---|\n| Get | yes | yes |\n| Reopen | yes | [1] |\n\n2 rules.\n[1] does not apply: it forgets.\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestRowsThatDoNotHold(t *testing.T) {
	sound := file(t, ended("pass", "TestA/Get"), ended("pass", "TestA/Set"))
	for name, other := range map[string]string{
		"failed": file(t, ended("pass", "TestA/Get"), ended("fail", "TestA/Set")),
		"absent": file(t, ended("pass", "TestA/Get")),
	} {
		var out strings.Builder
		err := run([]string{"one:TestA=" + sound, "two:TestA=" + other}, &out)
		if err == nil || !strings.Contains(err.Error(), "Set on two") {
			t.Errorf("%s: got %v, want an error that names the row and the build", name, err)
		}
	}
	for _, args := range [][]string{nil, {"no file"}, {"one:TestA=" + file(t)}, {"one:TestA=/none/there"}} {
		if err := run(args, &strings.Builder{}); err == nil {
			t.Errorf("%q: got nil, want an error", args)
		}
	}
}
