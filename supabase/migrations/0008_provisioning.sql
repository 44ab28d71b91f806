-- Making a user's machine: one at a time. A claim is not the lease: the machine that runs holds that, and goes on while it is
-- being started, stopped or upgraded.

alter table public.cloud_machines
    add column if not exists provision_owner text, -- whoever is at work on the machine, until provision_until
    add column if not exists provision_until timestamptz;

-- Takes the claim of the user's machine for `seconds`, or renews it, by the database's clock; the row is made when there is none.
-- Answers the row as it is then: the claim is the caller's when provision_owner is.
create or replace function public.trademind_claim(user_id uuid, machine_id text, owner text, seconds integer)
returns setof public.cloud_machines language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
    until_then constant timestamptz := clock_timestamp() + make_interval(secs => trademind_claim.seconds);
begin
    return query
        insert into public.cloud_machines as m (user_id, machine_id, status, provision_owner, provision_until)
        values (trademind_claim.user_id, trademind_claim.machine_id, 'provisioning', trademind_claim.owner, until_then)
        on conflict (user_id) do update set provision_owner = excluded.provision_owner, provision_until = excluded.provision_until
            where m.provision_owner is null or m.provision_owner = excluded.provision_owner or m.provision_until < clock_timestamp()
        returning m.*;
    if not found then
        return query select m.* from public.cloud_machines m where m.user_id = trademind_claim.user_id;
    end if;
end
$$;

-- Gives a claim back, if it is still the caller's.
create or replace function public.trademind_unclaim(user_id uuid, owner text) returns boolean
language plpgsql set search_path = '' as $$
begin
    update public.cloud_machines m set provision_owner = null, provision_until = null
    where m.user_id = trademind_unclaim.user_id and m.provision_owner = trademind_unclaim.owner;
    return found;
end
$$;

revoke execute on function public.trademind_claim, public.trademind_unclaim from public, anon, authenticated;
grant execute on function public.trademind_claim, public.trademind_unclaim to service_role;
