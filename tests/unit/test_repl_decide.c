#include "queue/repl_i.h"
#include "tests/unit/queue_fixture.h"

#define HOME "arn:aws:s3:::home"

/* Tax/ and tag class=secret as in RULES_TWO; own/ goes to copy with another owner; all goes home, changes of replicas too. */
#define RULES_MANY                                                                                 \
	"<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role>"                  \
	"<Rule><ID>tax</ID><Status>Enabled</Status><Priority>1</Priority>"                         \
	"<Filter><Prefix>Tax/</Prefix></Filter>"                                                   \
	"<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"              \
	"<Destination><Bucket>" COPY "</Bucket></Destination></Rule>"                              \
	"<Rule><ID>own</ID><Status>Enabled</Status><Priority>2</Priority>"                         \
	"<Filter><Prefix>own/</Prefix></Filter>"                                                   \
	"<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>"             \
	"<Destination><Bucket>" COPY "</Bucket><Account>444455556666</Account>"                    \
	"<AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>"          \
	"</Destination></Rule>"                                                                    \
	"<Rule><ID>secret</ID><Status>Enabled</Status><Priority>3</Priority>"                      \
	"<Filter><Tag><Key>class</Key><Value>secret</Value></Tag></Filter>"                        \
	"<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>"             \
	"<Destination><Bucket>" TAGGED "</Bucket></Destination></Rule>"                            \
	"<Rule><ID>home</ID><Status>Enabled</Status><Priority>4</Priority>"                        \
	"<Filter><Prefix>way/</Prefix></Filter>"                                                   \
	"<SourceSelectionCriteria><ReplicaModifications><Status>Enabled</Status>"                  \
	"</ReplicaModifications></SourceSelectionCriteria>"                                        \
	"<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"              \
	"<Destination><Bucket>" HOME "</Bucket></Destination></Rule>"                              \
	"</ReplicationConfiguration>"

struct row {
	const char *name;
	const char *key;
	const char
		*first_tag; /* class= when it was committed as a new version; NULL = it never was */
	enum job_kind kind; /* of the change */
	const char *tag;    /* class= by then */
	const char *replica_of;
	const char *want; /* "kind dest[ ask]; ..." */
};

static const struct row rows[] = {
	{ "object", "Tax/a", NULL, JOB_OBJECT, NULL, NULL, "object copy; " },
	{ "object by two rules", "Tax/a", NULL, JOB_OBJECT, "secret", NULL,
	  "object copy; object tagged; " },
	{ "object of nobody", "x", NULL, JOB_OBJECT, NULL, NULL, "" },
	{ "a replica", "way/a", NULL, JOB_OBJECT, NULL, "home", "" },
	{ "delete", "Tax/a", NULL, JOB_DELETE, NULL, NULL, "delete copy; " },
	{ "delete that the rule wants not", "own/a", NULL, JOB_DELETE, NULL, NULL, "" },
	{ "tags of who has it", "Tax/a", "", JOB_TAGS, NULL, NULL, "tags copy; " },
	{ "tags that match now", "Tax/a", "", JOB_TAGS, "secret", NULL,
	  "tags copy; object tagged ask; " },
	{ "tags that match no more", "x", "secret", JOB_TAGS, "open", NULL, "tags tagged; " },
	{ "tags of a version before the rules", "Tax/a", NULL, JOB_TAGS, NULL, NULL,
	  "object copy ask; " },
	{ "ACL", "Tax/a", "", JOB_ACL, NULL, NULL, "acl copy; " },
	{ "ACL under an owner override", "own/a", "", JOB_ACL, NULL, NULL, "" },
	{ "ACL of what we do not know that anybody has", "Tax/a", NULL, JOB_ACL, NULL, NULL,
	  "acl copy; " },
	{ "retention", "own/a", "", JOB_RETENTION, NULL, NULL, "retention copy; " },
	{ "legal hold", "Tax/a", "secret", JOB_LEGAL_HOLD, "secret", NULL,
	  "legal-hold copy; legal-hold tagged; " },
	{ "tags of a replica", "way/a", NULL, JOB_TAGS, NULL, "home", "tags home; " },
	{ "ACL of a replica", "way/a", NULL, JOB_ACL, NULL, "home", "acl home; " },
	{ "a replica of another bucket", "way/a", NULL, JOB_TAGS, NULL, "else", "" },
	{ "a replica beyond the rule's prefix", "Tax/a", NULL, JOB_TAGS, NULL, "home", "" },
	{ "a replica, and a rule without the word", "Tax/a", NULL, JOB_TAGS, NULL, "copy", "" },
};

static void commit_first(struct queue_fixture *f, const struct row *row, const char *version)
{
	struct job_spec spec = { .known = true };
	struct repl_facts facts = { .key = row->key, .version = version, .spec = &spec };
	struct ticket *t = NULL;

	if (*row->first_tag)
		must(kv_set(&spec.tags, "class", row->first_tag));
	must(repl_begin(f->repl, JOB_OBJECT, row->key, &t));
	must(repl_commit(t, &facts, NULL, NULL, 0));
	job_spec_free(&spec);
}

static void check_row(const struct row *row)
{
	static struct queue_fixture f;
	struct job_spec spec = { .known = true };
	struct repl_facts facts = { .key = row->key, .version = "v1", .spec = &spec };
	struct decision d = { .kind = row->kind, .facts = &facts };
	auto_with(buf_free) struct buf got;

	buf_init(&got, BUF_LIMIT_SMALL);
	fixture_init(&f, RULES_MANY);
	if (row->first_tag)
		commit_first(&f, row, "v1");
	if (row->tag)
		must(kv_set(&spec.tags, "class", row->tag));
	if (row->replica_of)
		must(kv_set(&spec.meta, REPL_META_REPLICA, row->replica_of));
	CHECK_CASE(row->name);
	CHECK_INT(repl_decide(f.repl, &d), 0);
	for (size_t i = 0; i < d.n; i++)
		must(buf_addf(&got, "%s %s%s; ", job_kind_name(d.jobs[i].kind), d.jobs[i].dest + 13,
			      d.jobs[i].spec.ask_acl && d.jobs[i].spec.ask_lock ? " ask" : ""));
	CHECK_STR(buf_str(&got), row->want);
	decision_free(&d);
	job_spec_free(&spec);
	fixture_free(&f);
}

int main(void)
{
	for (size_t i = 0; i < array_size(rows); i++)
		check_row(&rows[i]);
	return check_done();
}
