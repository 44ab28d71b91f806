-- What values the columns take. A check of the earlier tables that is narrower than ours (regions, statuses) gives way
-- to it; rows that are there already are not judged.

-- Makes `expression` the one check of a column.
create or replace function trademind.set_check(relation regclass, field name, expression text) returns void
language plpgsql as $$
declare
    ours constant text := format('trademind_%s', field);
    other text;
begin
    for other in
        select c.conname from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attname = field
        where c.conrelid = relation and c.contype = 'c' and c.conkey = array[a.attnum]
    loop
        execute format('alter table %s drop constraint %I', relation, other);
    end loop;
    execute format('alter table %s add constraint %I check (%s) not valid', relation, ours, expression);
end
$$;
revoke execute on function trademind.set_check from public, anon, authenticated;

select trademind.set_check('public.user_subscriptions', 'tier', $$lower(tier) in ('anonymous', 'free', 'pro', 'elite')$$);
select trademind.set_check('public.user_subscriptions', 'status', $$status in ('active', 'cancelled', 'past_due')$$);

select trademind.set_check('public.traders', 'mode', $$mode in ('demo', 'live')$$);
select trademind.set_check('public.traders', 'ownership_type', $$ownership_type in ('system', 'user')$$);
select trademind.set_check('public.traders', 'access_tier', $$access_tier in ('anonymous', 'free', 'pro', 'elite')$$);
select trademind.set_check('public.traders', 'difficulty', $$difficulty in ('beginner', 'intermediate', 'advanced')$$);
select trademind.set_check('public.traders', 'language', $$language in ('lua', 'javascript', 'go')$$);

select trademind.set_check('public.cloud_machines', 'region', $$region ~ '^[a-z]{3}$'$$);
select trademind.set_check('public.cloud_machines', 'status',
    $$status in ('provisioning', 'starting', 'running', 'paused', 'stopping', 'stopped', 'error')$$);
select trademind.set_check('public.cloud_machines', 'cpus', $$cpus between 1 and 8$$);

select trademind.set_check('public.cloud_events', 'severity', $$severity in ('info', 'warning', 'error')$$);
select trademind.set_check('public.cloud_events', 'event_type', $$event_type in (
    'provision', 'error', 'stop', 'start', 'config_update', 'machine_provisioned', 'machine_started',
    'machine_stopped', 'machine_paused', 'machine_resumed', 'machine_scaled', 'machine_error', 'machine_retry',
    'config_synced', 'trader_added', 'trader_removed', 'trader_updated', 'trader_error', 'signal_created',
    'analysis_completed', 'websocket_connected', 'websocket_disconnected', 'health_check_failed')$$);

-- The machine writes the first five; the others are the browser app's.
select trademind.set_check('public.signals', 'status', $$status in ('new', 'monitoring', 'ready', 'expired', 'archived',
    'analysis_queued', 'analyzing', 'rejected', 'in_position', 'closed')$$);
select trademind.set_check('public.signals', 'source', $$source in ('local', 'cloud')$$);

select trademind.set_check('public.signal_analyses', 'decision', $$decision in ('enter_trade', 'bad_setup', 'wait')$$);
select trademind.set_check('public.signal_analyses', 'confidence', $$confidence between 0 and 100$$);

select trademind.set_check('public.trader_errors', 'kind', $$kind in ('error', 'kill', 'load', 'flood')$$);

-- The browser of an earlier version set no signals.user_id for built-in traders, and signals.machine_id has pointed
-- elsewhere for a while; ours points to cloud_machines.
do $$
declare
    other text;
begin
    for other in
        select c.conname from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attname = 'machine_id'
        where c.conrelid = 'public.signals'::regclass and c.contype = 'f' and c.conkey = array[a.attnum]
            and c.confrelid <> 'public.cloud_machines'::regclass
    loop
        execute format('alter table public.signals drop constraint %I', other);
    end loop;
    if not exists (
        select from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attname = 'machine_id'
        where c.conrelid = 'public.signals'::regclass and c.contype = 'f' and c.conkey = array[a.attnum])
    then
        alter table public.signals add constraint trademind_machine_id
            foreign key (machine_id) references public.cloud_machines (id) on delete set null not valid;
    end if;
end
$$;
