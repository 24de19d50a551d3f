%% Making modules at run time: load, call, two versions, purge, delete, what a bad file gives.
-module(code_loading).
-export([main/0]).
mk(V) -> mk(cl_mod, V).
mk(M, V) ->
    F = [{attribute, 1, module, M}, {attribute, 1, export, [{v, 0}, {loop, 0}, {l, 1}]}, {function, 2, v, 0, [{clause, 2, [], [], [erl_parse:abstract(V)]}]},
         {function, 3, loop, 0, [{clause, 3, [], [], [{'receive', 3, [{clause, 3, [{atom, 3, stop}], [], [{atom, 3, ok}]}, {clause, 3, [{tuple, 3, [{atom, 3, call}, {var, 3, 'P'}]}], [], [{op, 3, '!', {var, 3, 'P'}, {call, 3, {atom, 3, v}, []}}, {call, 3, {atom, 3, loop}, []}]}, {clause, 3, [{atom, 3, new}], [], [{call, 3, {remote, 3, {atom, 3, M}, {atom, 3, loop}}, []}]}]}]}]},
         {function, 4, l, 1, [{clause, 4, [{var, 4, 'X'}], [], [{cons, 4, {var, 4, 'X'}, erl_parse:abstract([literal, V], 4)}]}]}],
    {ok, M, B} = compile:forms(F, [{compile_info, []}]), B.
call(P) -> P ! {call, self()}, receive X -> X after 500 -> none end.
main() ->
    B1 = mk(1), B2 = mk({two, [2]}), A = [code:is_loaded(cl_mod), erlang:module_loaded(cl_mod), code:load_binary(cl_mod, "cl.beam", B1), cl_mod:v(), code:is_loaded(cl_mod), erlang:check_old_code(cl_mod)],
    P = spawn(cl_mod, loop, []), C1 = call(P), F1 = fun cl_mod:v/0, Lit = cl_mod:l(x), B = [code:load_binary(cl_mod, "cl.beam", B2), cl_mod:v(), F1(), C1, call(P), erlang:check_old_code(cl_mod), erlang:check_process_code(P, cl_mod), code:soft_purge(cl_mod)],
    P ! new, timer:sleep(5), C = [call(P), erlang:check_process_code(P, cl_mod), code:soft_purge(cl_mod), erlang:check_old_code(cl_mod), is_process_alive(P), Lit],
    D = [code:delete(cl_mod), code:is_loaded(cl_mod), (catch element(1, element(2, catch cl_mod:v()))), erlang:check_process_code(P, cl_mod), call(P), code:purge(cl_mod), is_process_alive(P), code:purge(cl_mod), Lit],
    E = [code:load_binary(cl_mod, "x", X) || X <- [<<>>, <<"FOR1">>, binary:part(B1, 0, 100), <<"not a beam">>, binary:part(B1, 0, byte_size(B1) - 4), mk(other, 1)]], {ok, {_, Ch}} = beam_lib:chunks(B1, [exports, atoms]),
    G = [lists:sort(proplists:get_value(exports, Ch)), beam_lib:version(B1) =:= beam_lib:version(mk(1)), erlang:get_module_info(lists, module), lists:keyfind(module, 1, lists:module_info()), length(lists:module_info(exports)) > 50, erlang:function_exported(lists, map, 2), erlang:function_exported(lists, nope, 2), erlang:is_builtin(erlang, abs, 1), (catch cl_mod:module_info()) =/= x],
    [A, B, C, D, E, G].
