-- What the machine calls by /rest/v1/rpc/NAME, with the service role and nobody else.

-- Which process acts for a user. Takes the lease of the user's machine for `seconds`, or renews it, by the database's
-- clock; the row is made when there is none. Answers the row as it is then: the lease is the caller's when lease_owner
-- is, and else the row says who has it until when.
create or replace function public.trademind_lease(user_id uuid, machine_id text, owner text, seconds integer)
returns setof public.cloud_machines language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
    until_then constant timestamptz := clock_timestamp() + make_interval(secs => trademind_lease.seconds);
begin
    return query
        insert into public.cloud_machines as m (user_id, machine_id, status, lease_owner, lease_until)
        values (trademind_lease.user_id, trademind_lease.machine_id, 'starting', trademind_lease.owner, until_then)
        on conflict (user_id) do update
            set machine_id = excluded.machine_id, lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
            where m.lease_owner is null or m.lease_owner = excluded.lease_owner or m.lease_until < clock_timestamp()
        returning m.*;
    if not found then
        return query select m.* from public.cloud_machines m where m.user_id = trademind_lease.user_id;
    end if;
end
$$;

-- Gives a lease back, if it is still the caller's.
create or replace function public.trademind_release(user_id uuid, owner text) returns boolean
language plpgsql set search_path = '' as $$
begin
    update public.cloud_machines m set lease_owner = null, lease_until = null
    where m.user_id = trademind_release.user_id and m.lease_owner = trademind_release.owner;
    return found;
end
$$;

-- What a machine has to know of this project: the migrations it has, its tier, and whether a trigger of the project
-- itself has signals analysed (then the machine's own analysis would be paid for twice).
create or replace function public.trademind_facts(user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'schema', 1,
        'now', now(),
        'tier', trademind.tier_of(trademind_facts.user_id),
        'auto_analysis', exists (
            select from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
            where t.tgrelid = 'public.signals'::regclass and t.tgenabled <> 'D' and p.proname = 'auto_trigger_ai_analysis'))
$$;

-- Deletes what is too old, at most 10,000 rows of each kind, so that a call stays short; to be called again while it
-- has deleted that many.
create or replace function public.trademind_retention(metrics_days integer default 30, events_days integer default 90)
returns jsonb language plpgsql set search_path = '' as $$
declare
    metrics bigint;
    events bigint;
begin
    delete from public.cloud_metrics where id in (
        select m.id from public.cloud_metrics m
        where m.recorded_at < now() - make_interval(days => metrics_days) order by m.recorded_at limit 10000);
    get diagnostics metrics = row_count;
    delete from public.cloud_events where id in (
        select e.id from public.cloud_events e
        where e.created_at < now() - make_interval(days => events_days) order by e.created_at limit 10000);
    get diagnostics events = row_count;
    return jsonb_build_object('metrics', metrics, 'events', events);
end
$$;

revoke execute on function public.trademind_lease, public.trademind_release, public.trademind_facts,
    public.trademind_retention from public, anon, authenticated;
grant execute on function public.trademind_lease, public.trademind_release, public.trademind_facts,
    public.trademind_retention to service_role;

-- By itself where pg_cron is; elsewhere the machine calls it.
do $$
begin
    if exists (select from pg_extension where extname = 'pg_cron') then
        perform cron.schedule('trademind-retention', '17 * * * *', 'select public.trademind_retention()');
    end if;
end
$$;
