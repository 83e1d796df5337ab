package main

// ofSending are bugs on the way to the server.
func ofSending() []bug {
	return append(ofTheOutbox(), ofTheOrder()...)
}

func ofTheOutbox() []bug {
	return []bug{{
		name: "outbox_left_early", holds: "I1, R14, R20", in: "replica", tests: []string{"TestR14_DeniedKeepsTheEditsAndSaysSo", "TestR20_CrashAtEveryWrite"}, words: "is lost", model: true,
		what: "An edit leaves the outbox when it is sent, not when the server has taken it.",
		edits: []edit{{"replica/push.go", `		got := request(ctx, c, a)
`, `		_ = r.together(func() ([]*record, error) { return []*record{{drops: numbers(a.acks)}}, nil })
		got := request(ctx, c, a)
`}},
	}, {
		name: "new_key_for_each_try", holds: "I2, R31", in: "replica", tests: []string{"TestR31_ACreationThatIsTriedAgainHasTheSameKey"}, words: "twice", model: true,
		what:  "A creation whose answer was lost is sent again under another idempotency key.",
		edits: []edit{{"replica/push.go", `c.Create(ctx, a.item, a.key)`, `c.Create(ctx, a.item, rand.Text())`}},
	}, {
		name: "no_look_before_a_retry", holds: "I2, R31", in: "replica", tests: []string{"TestR31_AServerThatGivesItsOwnIDsAndKnowsNoKeysIsReadBackFirst"}, words: "[Milk Milk",
		what: "A server that knows no keys is sent a creation again without a look at what it has.",
		edits: []edit{{"replica/pull.go", `	if r.m.sync.ids == idsKept {
		return false
	}
	for _, e := range r.m.entries {
		if e.op == todo.Create && e.state == entryWaiting && !r.neverSent(e) {
			return true
`, `	for _, e := range r.m.entries {
		if e.op == todo.Create && e.state == entryWaiting && !r.neverSent(e) {
			return false
`}},
	}, {
		name: "refused_edit_dropped", holds: "I9, R33", in: "replica", tests: []string{"TestR33_APoisonedEditIsSetAsideAndHoldsUpNothing"}, words: `the status says "1 change needs a look"`,
		what:  "An edit that the server refuses is thrown away.",
		edits: []edit{{"replica/push.go", `return r.setAside(a.acks[0], got.err), nil`, `return &record{drops: numbers(a.acks[:1])}, nil`}},
	}, {
		name: "refused_edit_in_the_way", holds: "R33", in: "replica", tests: []string{"TestR33_APoisonedEditIsSetAsideAndHoldsUpNothing"}, words: "the later edit of the same item did not arrive",
		what: "A refused edit holds up the later ones of its to-do.",
		edits: []edit{{"replica/plan.go", `		edits = edits[1:] // set aside: it holds up nothing else
`, `		return a
`}},
	}, {
		name: "foreign_edit_taken_for_unsent", holds: "I2, R27", in: "replica", tests: []string{"TestR27_WhatAnotherProcessHasSentIsNotTakenForUnsent"}, words: "at the server",
		what:  "A process that sends another one's edits does not say so, and the other takes them back as if nobody had heard of them.",
		edits: []edit{{"replica/push.go", `func(e *entry) { e.tried = true }`, `func(e *entry) { e.tried = false }`}},
	}, {
		name: "undo_forgets_what_was_sent", holds: "I2, I4", in: "replica", tests: []string{"TestUndoOfEveryEditWhoseAnswerWasLost"}, words: "the server has",
		what:  "Undo of an edit whose answer was lost takes it out of the outbox and sends nothing.",
		edits: []edit{{"replica/edit.go", `e.run != r.run || e.tried || r.sync.handed[e.number]`, `e.run != r.run || e.tried`}},
	}, {
		name: "two_senders", holds: "I3, R27", in: "replica", tests: []string{"TestR27_OneSendsAtATime"}, words: "requests at the same time",
		what: "Two processes send and fetch at the same time.",
		edits: []edit{{"replica/round.go", `		if unlock, err = disk.Lock(ctx, r.files.syncLock()); err != nil {
			return nil, err
		}
`, `		if unlock, err = disk.Lock(ctx, r.files.syncLock()); err != nil {
			return nil, err
		}
		unlock()
`}},
	}}
}

func ofTheOrder() []bug {
	return []bug{{
		name: "older_edit_wins", holds: "I3, R32", in: "replica", tests: []string{"TestR32_TheServerSeesALegalPrefix", "TestR29_TenThousandEditsDrainInOrder"}, words: "ended as", model: true,
		what:  "Of several edits of one to-do that go in one request the oldest wins.",
		edits: []edit{{"replica/plan.go", `all.Then(patch)`, `patch.Then(all)`}},
	}, {
		name: "last_writer_wins", holds: "I4, R30", in: "todo", tests: []string{"TestR30_MergeOfEveryFieldAgainstEveryChange"}, words: "title on both sides", model: true,
		what:  "The merge does not look at what the edit was made on: the last writer wins.",
		edits: []edit{{"todo/merge.go", `f != FieldTags && foreign.has(f)`, `f != FieldTags && foreign.has(f) && e.Base.ID == ""`}},
	}, {
		name: "blind_overwrite", holds: "I4, R30", in: "replica", tests: []string{"TestR30_ConflictKeepMine", "TestR30_DeletedHereEditedThereKeepsTheEdit"}, words: "Oat milk Description:three Completed:true", model: true,
		what: "An edit is sent without the version that it was made on, and overwrites what others have written.",
		edits: []edit{
			{"replica/push.go", `c.Update(ctx, a.id, a.patch, a.ifMatch)`, `c.Update(ctx, a.id, a.patch, "")`},
			{"replica/push.go", `c.Delete(ctx, a.id, a.ifMatch)`, `c.Delete(ctx, a.id, "")`},
		},
	}, {
		name: "deletion_beats_edit", holds: "I4, I9, R30", in: "replica", tests: []string{"TestR30_DeletedThereEditedHereKeepsTheEdit"}, words: "found while sending",
		what: "An edit of a to-do that was deleted elsewhere is dropped.",
		edits: []edit{{"replica/plan.go", `		planRevival(a, it, edits)
`, `		a.note = &record{drops: numbers(edits)}
`}},
	}}
}
