package main

import "slices"

// ofTheFile are bugs in how the copy is kept on the disk.
func ofTheFile() []bug {
	return slices.Concat(ofWriting(), ofDamage())
}

func ofWriting() []bug {
	return []bug{{
		name: "no_flush", holds: "I1, R21", in: "replica", tests: []string{"TestR21_NoLossOfPowerLosesAnEdit"}, words: "is lost",
		what:  "An edit is written and not flushed, so that a loss of power takes it.",
		edits: []edit{{"replica/schema.go", `synchronous(FULL)`, `synchronous(NORMAL)`}},
	}, {
		name: "early_acknowledgement", holds: "I1, R20", in: "replica", tests: []string{"TestI1_EachEditIsOnTheDiskWhenItIsAcknowledged", "TestR20_CrashAtEveryWrite"}, words: "is lost", model: true,
		what: "An edit is acknowledged first and appended to the log when there is time.",
		edits: []edit{{"replica/commit.go", `		return r.store.append(records)
	})
`, `		after := r.store.last
		go func() {
			select {
			case <-time.After(time.Second):
			case <-r.life.Done():
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.store == nil {
				return
			}
			last := r.store.last
			r.store.last = after
			_ = r.store.transaction(func() error { return r.store.append(records) })
			r.store.last = last
		}()
		return nil
	})
`}},
	}, {
		name: "failed_write_acknowledged", holds: "I1, I10, R22, R23", in: "replica", tests: []string{"TestR23_AWriteThatFailsIsNotSaidToBeSaved"}, words: "acknowledged",
		what: "An edit that the disk did not take is shown as saved.",
		edits: []edit{{"replica/commit.go", `	case err != nil:
		return r.noteStore(err)
	}
	var touched`, `	case err != nil:
		r.log.Warn("not saved", "code", fault.As(err).Code)
	}
	var touched`}},
	}, {
		name: "bare_migration", holds: "R25", in: "replica", tests: []string{"TestR25_AMigrationIsAllOrNothing"}, words: "half a migration was left",
		what:  "The steps of a migration are no transaction, so that a crash leaves half of them done.",
		edits: []edit{{"replica/schema.go", `s.transaction(func() error { return s.runSteps(steps) })`, `s.runSteps(steps)`}},
	}, {
		name: "newer_file_opened", holds: "I9, R26", in: "replica", tests: []string{"TestR26_AnOlderAppLeavesANewerFileAlone"}, words: "<nil>",
		what: "A copy of a newer Waybill is opened and written to.",
		edits: []edit{
			{"replica/schema.go", `	case version > newest:
		return 0, newerFault(version, newest)
`, ``},
			{"replica/schema.go", `	case version > len(steps):
		return newerFault(version, len(steps))
`, `	case version > len(steps):
		return nil
`},
		},
	}}
}

func ofDamage() []bug {
	return []bug{{
		name: "records_without_number", holds: "I9, S98", in: "replica", tests: []string{"TestS98_RecordsMovedByHandAreNoticed"}, words: "swapped",
		what: "A record is not sealed under its number, so that two of them can be swapped.",
		edits: []edit{
			{"replica/store.go", `s.box.SealInPlace(tableLog, s.head.id, n, e.b)`, `s.box.SealInPlace(tableLog, s.head.id, 0, e.b)`},
			{"replica/store.go", `s.box.Open(tableLog, s.head.id, n, sealed)`, `s.box.Open(tableLog, s.head.id, 0, sealed)`},
		},
	}, {
		name: "wrong_key_is_damage", holds: "I9, S98", in: "replica", tests: []string{"TestS98_AWrongKeyIsSaidAndTheFileKept"}, words: "<nil>",
		what: "A copy that does not open with the key of the day is taken for damaged and begun anew.",
		edits: []edit{{"replica/schema.go", `		return errUnreadable
`, `		return &damage{what: "head", err: err}
`}},
	}, {
		name: "damaged_file_deleted", holds: "I9, R24", in: "replica", tests: []string{"TestR24_EveryByteFlipped"}, words: "the damaged file is not kept",
		what: "A damaged copy is deleted once what can be read of it is saved.",
		edits: []edit{{"replica/files.go", `	if aside, err = disk.SetAside(f.database(), now); err != nil {
		return "", err
	}
	if exists`, `	aside = f.database() + ".damaged"
	if err = disk.Remove(f.database()); err != nil {
		return "", err
	}
	if exists`}},
	}, {
		name: "nothing_salvaged", holds: "I1, R24", in: "replica", tests: []string{"TestR24_AfterARebuildTheListComesFirst"}, words: "No unsent change was found",
		what:  "A damaged copy is begun anew without the unsent edits that can be read in it.",
		edits: []edit{{"replica/rebuild.go", `saved := salvage(f, o)`, `saved := newModel(now)`}},
	}}
}
