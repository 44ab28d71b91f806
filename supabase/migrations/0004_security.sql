-- Who sees and writes what. A user sees own rows; machines write theirs with the service role, which row level security
-- does not bind. Policies that are there already stay: permissive ones add up. So what must hold whatever they say is
-- said by a restrictive policy, or by taking the privilege itself away.

-- ---- what policies ask, without asking row level security in turn ----

create or replace function trademind.tier_rank(tier text) returns integer language sql immutable as $$
    select coalesce(array_position(array['anonymous', 'free', 'pro', 'elite'], lower(tier)), 1) - 1
$$;

-- A user's tier: free without a subscription, anonymous when it is not paid or over.
create or replace function trademind.tier_of(who uuid) returns text language sql stable security definer
set search_path = '' as $$
    select coalesce(
        (select case when s.status = 'active' and (s.expires_at is null or s.expires_at > now())
            then lower(s.tier) else 'anonymous' end
         from public.user_subscriptions s where s.user_id = who),
        case when who is null then 'anonymous' else 'free' end)
$$;

create or replace function trademind.may_add_trader(who uuid) returns boolean language sql stable security definer
set search_path = '' as $$
    select case trademind.tier_of(who)
        when 'elite' then true
        when 'pro' then (select count(*) < 10 from public.traders t where t.user_id = who)
        else false end
$$;

create or replace function trademind.owns_machine(machine uuid) returns boolean language sql stable security definer
set search_path = '' as $$
    select exists (select from public.cloud_machines m where m.id = machine and m.user_id = (select auth.uid()))
$$;

revoke execute on function trademind.tier_of, trademind.may_add_trader from public;
grant execute on function trademind.tier_of, trademind.may_add_trader, trademind.owns_machine, trademind.tier_rank
    to anon, authenticated, service_role;

-- ---- row level security ----

alter table public.user_subscriptions enable row level security;
alter table public.traders enable row level security;
alter table public.signals enable row level security;
alter table public.signal_analyses enable row level security;
alter table public.trader_errors enable row level security;
alter table public.cloud_machines enable row level security;
alter table public.cloud_metrics enable row level security;
alter table public.cloud_events enable row level security;
alter table public.cloud_costs enable row level security;

do $$
declare
    relation text;
begin
    foreach relation in array array['user_subscriptions', 'signals', 'signal_analyses', 'trader_errors', 'cloud_machines',
        'cloud_events', 'cloud_costs']
    loop
        execute format('drop policy if exists trademind_select on public.%I', relation);
        execute format('create policy trademind_select on public.%I for select to authenticated
            using (user_id = (select auth.uid()))', relation);
        execute format('grant select on public.%I to authenticated, service_role', relation);
    end loop;
end
$$;

drop policy if exists trademind_select on public.cloud_metrics;
create policy trademind_select on public.cloud_metrics for select to authenticated
    using (trademind.owns_machine(machine_id));
grant select on public.cloud_metrics to authenticated, service_role;

-- traders: own ones, and built-in ones that the tier allows.
drop policy if exists trademind_select on public.traders;
create policy trademind_select on public.traders for select to anon, authenticated using (
    user_id = (select auth.uid())
    or (user_id is null and enabled
        and trademind.tier_rank(access_tier) <= trademind.tier_rank((select trademind.tier_of((select auth.uid()))))));

drop policy if exists trademind_insert on public.traders;
create policy trademind_insert on public.traders for insert to authenticated with check (
    user_id = (select auth.uid()) and not is_built_in and ownership_type = 'user'
    and (select trademind.may_add_trader((select auth.uid()))));

drop policy if exists trademind_update on public.traders;
create policy trademind_update on public.traders for update to authenticated
    using (user_id = (select auth.uid()))
    with check (user_id = (select auth.uid()) and not is_built_in and ownership_type = 'user');

drop policy if exists trademind_delete on public.traders;
create policy trademind_delete on public.traders for delete to authenticated using (user_id = (select auth.uid()));

-- signals: the status of own ones may be set (see trademind.guard_signal), those of machines neither added nor deleted.
drop policy if exists trademind_update on public.signals;
create policy trademind_update on public.signals for update to authenticated
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

drop policy if exists trademind_no_insert on public.signals;
create policy trademind_no_insert on public.signals as restrictive for insert to anon, authenticated
    with check (source <> 'cloud');

drop policy if exists trademind_no_delete on public.signals;
create policy trademind_no_delete on public.signals as restrictive for delete to anon, authenticated
    using (source <> 'cloud');

-- ---- privileges ----

grant select on public.traders to anon, authenticated;
grant insert, update, delete on public.traders to authenticated;
grant select, update on public.signals to authenticated;
grant all on public.user_subscriptions, public.traders, public.signals, public.signal_analyses, public.trader_errors,
    public.cloud_machines, public.cloud_metrics, public.cloud_events, public.cloud_costs to service_role;

-- Data of machines. Older policies let everybody write analyses.
revoke insert, update, delete, truncate on public.signal_analyses, public.trader_errors, public.cloud_machines,
    public.cloud_metrics, public.cloud_events, public.cloud_costs from anon, authenticated;
revoke truncate on public.user_subscriptions, public.traders, public.signals from anon, authenticated;
