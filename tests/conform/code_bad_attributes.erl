%% A file whose attributes are no term is refused; a fun of code that is being purged has no name
-module(code_bad_attributes).
-export([main/0]).

main() ->
    {ok, m, Bin} = compile:forms([{attribute, 1, module, m}, {attribute, 1, export, [{f, 0}]},
        {function, 1, f, 0, [{clause, 1, [], [], [{'fun', 1, {clauses, [{clause, 1, [], [], [{atom, 1, x}]}]}}]}]}], []),
    {ok, m, Chunks} = beam_lib:all_chunks(Bin),
    Bad = [begin
        {ok, B} = beam_lib:build_module(lists:keystore(Name, 1, Chunks, {Name, Bytes})),
        code:load_binary(m, "m", B)
    end || {Name, Bytes} <- [{"Attr", <<"bad_attribute_chunk">>}, {"CInf", <<131, 104>>}, {"Attr", <<>>}]],
    code:purge(m),
    code:delete(m),
    code:purge(m),
    {module, m} = code:load_binary(m, "m", Bin),
    F = m:f(),
    N = [erlang:fun_info(F, name)],
    code:delete(m),
    N2 = N ++ [erlang:fun_info(F, name)],
    code:purge(m),
    {Bad, N2, catch erlang:fun_info(F, name)}.
