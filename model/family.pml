/* SPDX-License-Identifier: MIT
 *
 * The refresh family of src/oauth/family.c with the conditional update of src/oauth/refresh.c, for
 * spin: two server processes, any client, any network, any token that was ever handed out. Names are
 * those of the C file; times are ticks. docs/refresh.md says in words what is claimed here, and
 * src/oauth/family_walk_test.c walks the C code through the same small world.
 *
 * Ghosts (true_*) know what the row may have forgotten; the code never reads them.
 * POLICY is given on the command line; WITHOUT_… builds a wrong server that must be found out. */

#define STABLE   0
#define ROTATING 1
#define LAGGING  2

/* The world is small; that of `lagging` smaller, because there networks count. */
#if POLICY == 2
#define GENERATIONS 4
#define IDLE        3
#define LIFE        4
#else
#define GENERATIONS 5
#define IDLE        3
#define LIFE        5
#endif
#define HISTORY     4       /* FAMILY_HISTORY_MAX: a run is a tick long at most */
#define EXACT       1       /* FAMILY_EXACT_MAX    */
#define KEPT        2       /* FAMILY_NETWORKS_MAX */
#define NETWORKS    3
#define GRACE       1
#define RETRY       2       /* FAMILY_RETRY_MS     */
#define SLACK       1       /* FAMILY_SLACK_MS: how far requests overtake one another */
#define SERVERS     2

#define NOBODY      255     /* no request is in flight */

/* Verdicts. */
#define ROTATED 1
#define SAME    2
#define EXPIRED 3
#define REVOKED 4
#define REFUSED 5
#define REUSED  6

typedef Row {
	byte generation, rotated, idle_end, network;
	byte replaced[HISTORY], count[HISTORY], replaced_n;
	byte network_name[KEPT], network_first[KEPT], networks_n;
	bool revoked
}

Row row;
byte clock;
byte arrived[SERVERS];                      /* the clock when a request came in, or NOBODY */
bool moved[SERVERS];                        /* generation or counter changed since it was read */

byte true_replaced[GENERATIONS + 1];        /* when a generation was replaced            */
byte true_first[NETWORKS];                  /* the first generation made from a network  */
bool ended;

inline note_network(s, net)
{
	known = false;
	i = 0;
	do
	:: i < s.networks_n ->
		if
		:: s.network_name[i] == net -> known = true
		:: else
		fi;
		i++
	:: else -> break
	od;
	if
	:: known
	:: !known && s.networks_n < KEPT ->
		s.network_name[s.networks_n] = net;
		s.network_first[s.networks_n] = s.generation;
		s.networks_n++
	:: !known && s.networks_n == KEPT ->
		s.network_name[0] = s.network_name[1];
		s.network_first[0] = s.network_first[1];
		s.network_name[1] = net;
		s.network_first[1] = s.generation
	fi
}

/* Times that no request can ask about any more are dropped; then the newest goes first, or joins. */
inline note_replaced(s, now)
{
	do
#ifdef WITHOUT_SLACK
	:: s.replaced_n > 0 && now > s.replaced[s.replaced_n - 1] + GRACE -> s.replaced_n--
#else
	:: s.replaced_n > 0 && now > s.replaced[s.replaced_n - 1] + GRACE + SLACK -> s.replaced_n--
#endif
	:: else -> break
	od;
	if
#ifdef WITHOUT_RUNS
	:: s.replaced_n == 2 -> s.replaced_n--      /* as if there was room for two only */
	:: else
#else
	:: s.replaced_n == HISTORY || (s.replaced_n >= EXACT && now <= s.replaced[0]) ->
		s.count[0]++;
		if
		:: now > s.replaced[0] -> s.replaced[0] = now
		:: else
		fi;
		joined = true
	:: else -> joined = false
#endif
	fi;
	if
	:: !joined ->
		i = HISTORY - 1;
		do
		:: i > 0 ->
			s.replaced[i] = s.replaced[i - 1];
			s.count[i] = s.count[i - 1];
			i--
		:: else -> break
		od;
		s.replaced[0] = now;
		s.count[0] = 1;
		s.replaced_n++
	:: else
	fi
}

inline in_grace(s, g, now)
{
	age = s.generation - 1 - g;
	within = false;
	i = 0;
	do
	:: i < s.replaced_n && age < s.count[i] ->
		within = (now <= s.replaced[i] + GRACE);
		break
	:: i < s.replaced_n && age >= s.count[i] ->
		age = age - s.count[i];
		i++
	:: else -> break
	od
}

inline looks_stolen(s, g)
{
	stolen = false;
	i = 0;
	do
	:: i < s.networks_n ->
		if
		:: s.network_first[i] > g -> stolen = true
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline used(s, now)
{
	s.idle_end = (now + IDLE < LIFE -> now + IDLE : LIFE)
}

inline rotate(s, now, net)
{
	s.generation++;
	s.rotated = now;
	note_replaced(s, now);
	s.network = net;
	if
	:: POLICY == LAGGING -> note_network(s, net)
	:: else
	fi;
	used(s, now);
	verdict = ROTATED
}

inline same(s, now)
{
	used(s, now);
	verdict = SAME
}

inline judge_predecessor(s, g, now, net, bound)
{
	looks_stolen(s, g);
	if
	:: bound && g == s.generation - 1 && now <= s.rotated + RETRY -> same(s, now)
	:: bound && !(g == s.generation - 1 && now <= s.rotated + RETRY) -> verdict = REFUSED
	:: !bound && POLICY != LAGGING -> verdict = REUSED
	:: !bound && POLICY == LAGGING && net == s.network -> same(s, now)
	:: !bound && POLICY == LAGGING && net != s.network && stolen -> verdict = REUSED
	:: !bound && POLICY == LAGGING && net != s.network && !stolen -> verdict = REFUSED
	fi
}

inline family_step(s, g, now, net, bound)
{
	if
	:: s.revoked -> verdict = REVOKED
	:: !s.revoked && (now >= LIFE || now >= s.idle_end) -> verdict = EXPIRED
	:: !s.revoked && now < LIFE && now < s.idle_end ->
		if
		:: g == s.generation ->
			if
			:: POLICY != STABLE -> rotate(s, now, net)
			:: else -> same(s, now)
			fi
		:: g != s.generation ->
			in_grace(s, g, now);
			if
			:: within -> same(s, now)
			:: !within -> judge_predecessor(s, g, now, net, bound)
			fi
		fi
	fi
}

#define ACCEPTED (verdict == ROTATED || verdict == SAME)
#define OUTSIDE  (now > true_replaced[g] + GRACE)
#define SURELY   (now > true_replaced[g] + GRACE + SLACK)

/* R37, of each decision, against what really happened. */
inline claims(before, after, g, now, net, bound)
{
	/* One lineage: what is handed out is the live token, or the one that replaces it. */
	assert(verdict != SAME || after.generation == before.generation);
	assert(verdict != ROTATED || (g == before.generation && after.generation == g + 1));
	/* No resurrection, and limits that nothing moves. */
	assert(!ended || verdict == REVOKED);
	assert(now < LIFE || !ACCEPTED);
	assert(POLICY != STABLE || verdict != ROTATED);
	/* The live token of a family that is neither ended nor expired always works. */
	assert(verdict == REVOKED || verdict == EXPIRED || g != before.generation || ACCEPTED);
	if
	:: g < before.generation && verdict != REVOKED && verdict != EXPIRED ->
		/* No death within the grace, nor with a client binding. */
		assert(verdict != REUSED || (OUTSIDE && !bound));
		assert(OUTSIDE || verdict == SAME);
		/* Crash-safe retry by a bound app. */
		assert(!bound || g != before.generation - 1 || now > true_replaced[g] + RETRY || ACCEPTED);
		/* Reuse outside is found ... */
		assert(POLICY != ROTATING || bound || !SURELY || verdict == REUSED);
		/* ... and by lagging when a network first seen after the token was replaced has advanced the
		 * chain; a stale token from elsewhere alone gets nothing. */
		i = 0;
		stolen = false;
		do
		:: i < NETWORKS ->
			if
			:: true_first[i] > g -> stolen = true
			:: else
			fi;
			i++
		:: else -> break
		od;
		assert(POLICY != LAGGING || bound || !SURELY || net == before.network || !stolen ||
		       verdict == REUSED);
		assert(POLICY != LAGGING || bound || !SURELY || net == before.network || !ACCEPTED)
	:: else
	fi
}

/* store_family_refreshed: only if the row still is what was read. */
inline commit(me, before, after, g, now, net)
{
	if
#ifdef WITHOUT_CONDITION
	:: ACCEPTED ->
#else
	:: ACCEPTED && !moved[me] && !row.revoked ->
#endif
		assert(!ended);
		assert(verdict != ROTATED || row.generation == before.generation);
		if
		:: verdict == ROTATED ->
			true_replaced[g] = now;
			if
			:: true_first[net] == 0 -> true_first[net] = after.generation
			:: else
			fi
		:: else
		fi;
		row.generation = after.generation;
		row.rotated = after.rotated;
		row.idle_end = after.idle_end;
		row.network = after.network;
		row.replaced[0] = after.replaced[0]; row.count[0] = after.count[0];
		row.replaced[1] = after.replaced[1]; row.count[1] = after.count[1];
		row.replaced[2] = after.replaced[2]; row.count[2] = after.count[2];
		row.replaced[3] = after.replaced[3]; row.count[3] = after.count[3];
		row.replaced_n = after.replaced_n;
		row.network_name[0] = after.network_name[0];
		row.network_name[1] = after.network_name[1];
		row.network_first[0] = after.network_first[0];
		row.network_first[1] = after.network_first[1];
		row.networks_n = after.networks_n;
		moved[1 - me] = true
	:: verdict == REUSED ->
		row.revoked = true;                 /* family_end: whatever the row is by now */
		ended = true
	:: else                                 /* refused, or somebody was faster: asked again */
	fi;
	arrived[me] = NOBODY
}

inline copy(to, from)
{
	to.generation = from.generation;
	to.rotated = from.rotated;
	to.idle_end = from.idle_end;
	to.network = from.network;
	to.replaced[0] = from.replaced[0]; to.count[0] = from.count[0];
	to.replaced[1] = from.replaced[1]; to.count[1] = from.count[1];
	to.replaced[2] = from.replaced[2]; to.count[2] = from.count[2];
	to.replaced[3] = from.replaced[3]; to.count[3] = from.count[3];
	to.replaced_n = from.replaced_n;
	to.network_name[0] = from.network_name[0];
	to.network_name[1] = from.network_name[1];
	to.network_first[0] = from.network_first[0];
	to.network_first[1] = from.network_first[1];
	to.networks_n = from.networks_n;
	to.revoked = from.revoked
}

proctype Server(byte me)
{
	Row before, after;
	byte g, net, now, verdict, i, age;
	bool bound, known, within, stolen, joined;

end:	do
	:: atomic {
		row.generation < GENERATIONS ->
		arrived[me] = clock                 /* act->now_ms is read once */
	   }
	   atomic {
		now = arrived[me];
		select(g : 1 .. row.generation);
		if
		:: POLICY == LAGGING -> select(net : 0 .. NETWORKS - 1)
		:: else -> net = 0
		fi;
		if
		:: bound = false
		:: bound = true
		fi;
		moved[me] = false;
		copy(before, row);
		copy(after, row);
		family_step(after, g, now, net, bound);
		claims(before, after, g, now, net, bound)
	   }
	   atomic {
		commit(me, before, after, g, now, net);
		/* So that states that differ in nothing that matters are one. */
		g = 0; net = 0; now = 0; verdict = 0; i = 0; age = 0;
		bound = false; known = false; within = false; stolen = false; joined = false;
		moved[me] = false; before.generation = 0; before.rotated = 0; before.idle_end = 0;
		before.network = 0; before.replaced_n = 0;
		before.replaced[0] = 0; before.replaced[1] = 0; before.replaced[2] = 0; before.replaced[3] = 0;
		before.count[0] = 0; before.count[1] = 0; before.count[2] = 0; before.count[3] = 0;
		before.network_name[0] = 0; before.network_name[1] = 0; before.network_first[0] = 0;
		before.network_first[1] = 0; before.networks_n = 0; before.revoked = false;
		copy(after, before)
	   }
	od
}

/* Runs at most SLACK ahead of any request in flight. */
proctype Clock()
{
end:	do
	:: atomic {
		clock < LIFE && (arrived[0] == NOBODY || clock < arrived[0] + SLACK) &&
		(arrived[1] == NOBODY || clock < arrived[1] + SLACK) -> clock++
	   }
	od
}

init {
	atomic {
		arrived[0] = NOBODY;
		arrived[1] = NOBODY;
		row.generation = 1;
		row.idle_end = IDLE;
		true_first[0] = 1;                  /* family_begin, from network 0 */
		if
		:: POLICY == LAGGING ->
			row.network_first[0] = 1;
			row.networks_n = 1
		:: else
		fi;
		run Server(0);
		run Server(1);
		run Clock()
	}
}
