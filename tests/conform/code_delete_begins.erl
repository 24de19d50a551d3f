%% A process that was made before a module is deleted has begun in it when the deletion is done, even if the one that deletes goes before it.
-module(code_delete_begins).
-export([main/0]).

main() ->
    Self = self(),
    spawn_opt(fun() -> Self ! [once() || _ <- lists:seq(1, 20)] end, [link, {priority, high}]),
    receive All -> lists:usort(All) end.

once() ->
    Forms = [{attribute, 1, module, cdb}, {attribute, 1, export, [{loop, 0}]},
             {function, 1, loop, 0, [{clause, 1, [], [], [{'receive', 1, [{clause, 1, [{var, 1, '_'}], [], [{call, 1, {atom, 1, loop}, []}]}]}]}]}],
    {ok, cdb, Code} = compile:forms(Forms),
    {module, cdb} = erlang:load_module(cdb, Code),
    Pid = spawn(cdb, loop, []),
    true = erlang:delete_module(cdb),
    Uses = erlang:check_process_code(Pid, cdb),
    {current_function, Where} = process_info(Pid, current_function),
    exit(Pid, kill),
    code:purge(cdb),
    {Uses, Where}.
