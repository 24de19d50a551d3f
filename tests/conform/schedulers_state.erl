%% How many schedulers of each kind there are, are online and are active, also while multi-scheduling is blocked.
-module(schedulers_state).
-export([main/0]).
main() ->
    Online = erlang:system_info(schedulers_online),
    A = shape(Online),
    erlang:system_flag(multi_scheduling, block),
    B = shape(Online),
    erlang:system_flag(multi_scheduling, unblock),
    erlang:system_flag(multi_scheduling, block_normal),
    C = shape(Online),
    erlang:system_flag(multi_scheduling, unblock_normal),
    {A, B, C, shape(Online), [try erlang:system_info(I) catch _:R -> R end || I <- [elib_malloc, {error_checker, memory}]]}.
shape(Online) ->
    timer:sleep(200),
    {T, O, Act} = erlang:system_info(schedulers_state),
    All = erlang:system_info(all_schedulers_state),
    {T >= O, O =:= Online, Act =:= Online orelse Act, [{K, O1 =:= T1 orelse O1 =< T1, A1 =:= O1 orelse A1} || {K, T1, O1, A1} <- All]}.
