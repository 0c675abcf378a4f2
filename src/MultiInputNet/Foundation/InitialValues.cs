using System.Reflection;
using System.Text.Json.Serialization.Metadata;

namespace MultiInputNet;

/// <summary>
/// Members that JSON omits keep the values that their class gives them. Generated code would set those that are init-only to zero or null.
/// </summary>
internal static class InitialValues
{
    /// <summary>Makes an object by its constructor alone and then sets the members that its JSON has.</summary>
    public static void Keep(JsonTypeInfo info)
    {
        if (info.ConstructorAttributeProvider is not ConstructorInfo constructor || !info.Properties.Any(member => member.AssociatedParameter?.IsMemberInitializer == true))
            return;
        foreach (var member in info.Properties)
        {
            if (member.AssociatedParameter is not { } parameter)
                continue;
            member.IsRequired |= !parameter.IsMemberInitializer && !parameter.HasDefaultValue;
            member.Set = ((PropertyInfo)member.AttributeProvider!).SetValue;
        }

        object?[] arguments = [.. constructor.GetParameters().Select(parameter => parameter.HasDefaultValue ? parameter.DefaultValue : null)];
        info.CreateObject = () => constructor.Invoke(arguments);
    }
}
