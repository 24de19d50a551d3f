%% A process that was spawned before its code is replaced begins with the code there was.
-module(code_begun_before).
-export([main/0]).

forms() ->
    [{attribute, 1, module, code_begun_old}, {attribute, 1, export, [{wait, 0}]},
     {function, 1, wait, 0, [{clause, 1, [], [],
         [{'receive', 1, [{clause, 1, [{atom, 1, stop}], [], [{atom, 1, ok}]}]}, {atom, 1, stopped}]}]}].

once(Beam) ->
    {Pid, Ref} = spawn_monitor(code_begun_old, wait, []),
    {module, code_begun_old} = erlang:load_module(code_begun_old, Beam),
    Old = erlang:check_process_code(Pid, code_begun_old),
    true = erlang:purge_module(code_begun_old),
    receive {'DOWN', Ref, process, Pid, Why} -> {Old, Why} after 1000 -> exit(Pid, kill), {Old, alive} end.

main() ->
    {ok, _, Beam} = compile:forms(forms()),
    {module, code_begun_old} = erlang:load_module(code_begun_old, Beam),
    R = [once(Beam) || _ <- lists:seq(1, 50)],
    erlang:delete_module(code_begun_old),
    erlang:purge_module(code_begun_old),
    lists:usort(R).
